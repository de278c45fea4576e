// How a template function is described to the executor: its Go signature, so that arguments are checked and
// complained about as Go does, and its implementation. Tables of these are static and immutable.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "value/go_type.h"
#include "value/value.h"

namespace fencepost::tmpl {

// The parameter types that Go's builtins and sprig's functions have.
enum class Param : std::uint8_t {
    kAny,      // interface {}
    kReflect,  // reflect.Value: takes anything, also nothing
    kString,
    kInt,
    kInt64,
    kFloat64,
    kBool,
    kInt32,
    kUint32,
    kDuration,     // time.Duration
    kTime,         // time.Time
    kCertificate,  // sprig.certificate
    // nil is one of these
    kStrings,    // []string
    kList,       // []interface {}
    kMap,        // map[string]interface {}
    kMapString,  // map[string]string
    kVersion,    // *semver.Version
};
[[nodiscard]] std::string_view go_name(Param param) noexcept;

// What a function is called with. A null pointer is Go's invalid reflect.Value (only for kReflect).
using Arguments = std::span<const Value* const>;

struct FunctionEntry {
    std::string_view name;
    std::vector<Param> params;
    bool is_variadic = false;   // the last one any number of times
    bool returns_any = false;   // its static result type is interface {}
    bool changes_maps = false;  // it changes the map that is its first argument, for all who hold it
    // Errors: throws Error{kInvalid, message}; the executor puts "error calling NAME: " in front.
    Value (*call)(Arguments arguments);
    enum class Special : std::uint8_t { kNone, kAnd, kOr, kCall } special = Special::kNone;
};

[[nodiscard]] const FunctionEntry* find_builtin(std::string_view name) noexcept;
[[nodiscard]] const FunctionEntry* find_sprig(std::string_view name) noexcept;
[[nodiscard]] std::vector<std::string> sprig_names();  // sorted
// A method of the value's type; the receiver is its first parameter.
[[nodiscard]] const FunctionEntry* find_method(const Value& receiver, std::string_view name) noexcept;

}  // namespace fencepost::tmpl
