// The Go types that a Value can stand for, where its kind alone does not say: what %T prints, what error
// messages call it, and the fields of structs. Instances have static storage; compare them by address.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "value/value.h"

namespace fencepost {

struct GoField {
    std::string_view name;       // as templates write it: "Namespace"
    std::string_view json_name;  // as JSON writes it: "namespace"; empty: not in JSON
    bool omit_empty = false;
    bool is_embedded = false;  // its own fields are promoted, in templates and in JSON
};

struct GoType {
    std::string_view name;            // "map[string]string", "*param.Profile", "v1.Secret"
    Kind kind;                        // kNil only for untyped nil
    const GoType* element = nullptr;  // of lists, maps and pointers
    std::span<const GoField> fields = {};
    bool is_pointer = false;  // to a struct: prints with & and may be nil
    std::string (*to_text)(const Value& value) =
        nullptr;  // its String method, which printing and toString use
};

namespace go {
extern const GoType kInt;              // int
extern const GoType kInt32;            // int32
extern const GoType kUint;             // uint
extern const GoType kUint8;            // uint8
extern const GoType kString;           // string
extern const GoType kComplex128;       // complex128: its real and its imaginary part
extern const GoType kFloat32;          // float32
extern const GoType kAnyList;          // []interface {}, for a nil one
extern const GoType kAnyMap;           // map[string]interface {}, for a nil one
extern const GoType kStrings;          // []string
extern const GoType kStringLists;      // [][]string
extern const GoType kInts;             // []int
extern const GoType kMapStringString;  // map[string]string
extern const GoType kMapStringInt;     // map[string]int
extern const GoType kMapStringBool;    // map[string]bool
extern const GoType kMapStringBytes;   // map[string][]uint8
}  // namespace go

// The name that %T prints: of the value's own type, or its kind's default ("int64", "[]interface {}",
// "<nil>").
[[nodiscard]] std::string_view go_type_name(const Value& value) noexcept;

}  // namespace fencepost
