#include "value/go_type.h"

namespace fencepost {

namespace go {
namespace {
const GoType kStringMember{.name = "string", .kind = Kind::kString};
const GoType kBoolMember{.name = "bool", .kind = Kind::kBool};
const GoType kBytesMember{.name = "[]uint8", .kind = Kind::kBytes};
}  // namespace
const GoType kInt{.name = "int", .kind = Kind::kInt};
const GoType kInt32{.name = "int32", .kind = Kind::kInt};
const GoType kUint{.name = "uint", .kind = Kind::kUint};
const GoType kUint8{.name = "uint8", .kind = Kind::kUint};
const GoType kString{.name = "string", .kind = Kind::kString};
constexpr GoField kComplexParts[] = {{.name = "real", .json_name = ""}, {.name = "imag", .json_name = ""}};
const GoType kComplex128{.name = "complex128", .kind = Kind::kStruct, .fields = kComplexParts};
const GoType kFloat32{.name = "float32", .kind = Kind::kFloat};
const GoType kAnyList{.name = "[]interface {}", .kind = Kind::kList};
const GoType kAnyMap{.name = "map[string]interface {}", .kind = Kind::kMap};
const GoType kStrings{.name = "[]string", .kind = Kind::kList, .element = &kStringMember};
const GoType kStringLists{.name = "[][]string", .kind = Kind::kList, .element = &kStrings};
const GoType kInts{.name = "[]int", .kind = Kind::kList, .element = &kInt};
const GoType kMapStringString{.name = "map[string]string", .kind = Kind::kMap, .element = &kStringMember};
const GoType kMapStringInt{.name = "map[string]int", .kind = Kind::kMap, .element = &kInt};
const GoType kMapStringBool{.name = "map[string]bool", .kind = Kind::kMap, .element = &kBoolMember};
const GoType kMapStringBytes{.name = "map[string][]uint8", .kind = Kind::kMap, .element = &kBytesMember};
}  // namespace go

std::string_view go_type_name(const Value& value) noexcept {
    if (const GoType* type = value.go_type()) return type->name;
    switch (value.kind()) {
        case Kind::kNil:
            return "<nil>";
        case Kind::kBool:
            return "bool";
        case Kind::kInt:
            return "int64";
        case Kind::kUint:
            return "uint64";
        case Kind::kFloat:
            return "float64";
        case Kind::kString:
            return "string";
        case Kind::kBytes:
            return "[]uint8";
        case Kind::kTime:
            return "time.Time";
        case Kind::kList:
            return "[]interface {}";
        case Kind::kMap:
            return "map[string]interface {}";
        case Kind::kStruct:
            return "struct";
    }
    return "<nil>";
}

}  // namespace fencepost
