#include "template/sprig/sprig.h"

namespace fencepost::tmpl::sprig {

namespace {

std::string type_of(const Value& value) { return std::string(go_type_name(value)); }

constexpr Param S = Param::kString;
constexpr Param A = Param::kAny;

const FunctionEntry kTable[] = {
    {.name = "deepEqual", .params = {A, A}, .call = [](Arguments a) { return Value(*a[0] == *a[1]); }},
    {.name = "kindIs",
     .params = {S, A},
     .call = [](Arguments a) { return Value(kind_name(*a[1]) == a[0]->as_string()); }},
    {.name = "kindOf", .params = {A}, .call = [](Arguments a) { return Value(kind_name(*a[0])); }},
    {.name = "typeIs",
     .params = {S, A},
     .call = [](Arguments a) { return Value(type_of(*a[1]) == a[0]->as_string()); }},
    {.name = "typeIsLike",
     .params = {S, A},
     .call =
         [](Arguments a) {
             return Value(type_of(*a[1]) == a[0]->as_string() || type_of(*a[1]) == "*" + a[0]->as_string());
         }},
    {.name = "typeOf", .params = {A}, .call = [](Arguments a) { return Value(type_of(*a[0])); }},
};

}  // namespace

std::string kind_name(const Value& value) {
    const GoType* type = value.go_type();
    if (type != nullptr && type->is_pointer) return "ptr";
    switch (type != nullptr && value.is_nil() ? type->kind : value.kind()) {
        case Kind::kNil:
            return "invalid";
        case Kind::kBytes:
        case Kind::kList:
            return "slice";
        case Kind::kMap:
            return "map";
        case Kind::kStruct:
            return value.go_type() == &go::kComplex128 ? "complex128" : "struct";
        case Kind::kTime:
            return "struct";
        case Kind::kInt:
            if (type != nullptr && type->to_text != nullptr)
                return type->name == "time.Duration" ? "int64" : "int";
            return std::string(go_type_name(value));
        default:
            return std::string(go_type_name(value));
    }
}

Table reflection() { return kTable; }

}  // namespace fencepost::tmpl::sprig
