#include "template/sprig/sprig.h"

namespace fencepost::tmpl::sprig {

namespace {

Value default_value(Arguments a) { return a.size() < 2 || is_empty(*a[1]) ? *a[0] : *a[1]; }

Value coalesce(Arguments a) {
    for (const Value* value : a) {
        if (!is_empty(*value)) return *value;
    }
    return {};
}

// Reading the controller's environment and asking the network from a template is refused on purpose.
[[noreturn]] Value refuse(const char* name) {
    fail(std::string(name) + " is not allowed: templates read neither the environment nor the network");
}

constexpr Param S = Param::kString;
constexpr Param A = Param::kAny;

const FunctionEntry kTable[] = {
    {.name = "coalesce", .params = {A}, .is_variadic = true, .returns_any = true, .call = coalesce},
    {.name = "default", .params = {A, A}, .is_variadic = true, .returns_any = true, .call = default_value},
    {.name = "empty", .params = {A}, .call = [](Arguments a) { return Value(is_empty(*a[0])); }},
    {.name = "env", .params = {S}, .call = [](Arguments) -> Value { refuse("env"); }},
    {.name = "expandenv", .params = {S}, .call = [](Arguments) -> Value { refuse("expandenv"); }},
    {.name = "fail", .params = {S}, .call = [](Arguments a) -> Value { fail(a[0]->as_string()); }},
    {.name = "getHostByName", .params = {S}, .call = [](Arguments) -> Value { refuse("getHostByName"); }},
    {.name = "ternary",
     .params = {A, A, Param::kBool},
     .returns_any = true,
     .call = [](Arguments a) { return a[2]->as_bool() ? *a[0] : *a[1]; }},
};

}  // namespace

Table defaults() { return kTable; }

}  // namespace fencepost::tmpl::sprig
