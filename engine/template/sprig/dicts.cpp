#include "template/sprig/sprig.h"
#include "value/format.h"

namespace fencepost::tmpl::sprig {

namespace {

Value dict(Arguments a) {
    Map map;
    for (std::size_t i = 0; i < a.size(); i += 2)
        map.set(strval(*a[i]), i + 1 < a.size() ? *a[i + 1] : Value(""));
    return Value(std::move(map));
}

// Go's set, unset and merge change their first map in place. Maps here are values: the executor lets every
// variable that holds the map hold the changed one (FunctionEntry::changes_first).
Value set(Arguments a) {
    Value map = *a[0];
    map.writable_map().set(a[1]->as_string(), *a[2]);
    return map;
}

Value unset(Arguments a) {
    Value map = *a[0];
    map.erase(a[1]->as_string());
    return map;
}

Value has_key(Arguments a) { return Value(a[0]->find(a[1]->as_string()) != nullptr); }

Value pluck(Arguments a) {
    List found;
    for (const Value* map : a.subspan(1)) {
        if (const Value* value = map->find(a[0]->as_string())) found.push_back(*value);
    }
    return Value(std::move(found));
}

Value keys(Arguments a) {
    List names;
    for (const Value* map : a) {
        for (const Member& member : map->map_or_empty()) names.emplace_back(member.key);
    }
    return Value(std::move(names), go::kStrings);
}

Value values(Arguments a) {
    List all;
    for (const Member& member : a[0]->map_or_empty()) all.push_back(member.value);
    return Value(std::move(all));
}

Value pick(Arguments a) {
    Map map;
    for (const Value* key : a.subspan(1)) {
        if (const Value* value = a[0]->find(key->as_string())) map.set(key->as_string(), *value);
    }
    return Value(std::move(map));
}

Value omit(Arguments a) {
    Map map = a[0]->map_or_empty();
    for (const Value* key : a.subspan(1)) map.erase(key->as_string());
    return Value(std::move(map));
}

// mergo: what the target has (and is not empty) stays, unless overwriting; maps merge into each other.
Value merge_into(const Value& target, const Value& source, bool overwrite) {
    Map merged = target.map_or_empty();
    for (const Member& member : source.map_or_empty()) {
        Value* present = merged.find(member.key);
        if (present != nullptr && present->is_map() && member.value.is_map()) {
            *present = merge_into(*present, member.value, overwrite);
        } else if (present == nullptr || is_empty(*present) || overwrite) {
            merged.set(member.key, member.value);
        }
    }
    return Value(std::move(merged));
}

Value merge_all(Arguments a, bool overwrite) {
    Value merged = *a[0];
    for (const Value* source : a.subspan(1)) merged = merge_into(merged, *source, overwrite);
    return merged;
}

Value deep_copy(Arguments a) {
    if (is_untyped_nil(*a[0])) fail("reflect: call of reflect.Value.Type on zero Value");
    return *a[0];
}

constexpr Param S = Param::kString;
constexpr Param A = Param::kAny;
constexpr Param M = Param::kMap;

const FunctionEntry kTable[] = {
    {.name = "deepCopy", .params = {A}, .returns_any = true, .call = deep_copy},
    {.name = "dict", .params = {A}, .is_variadic = true, .call = dict},
    {.name = "hasKey", .params = {M, S}, .call = has_key},
    {.name = "keys", .params = {M}, .is_variadic = true, .call = keys},
    {.name = "merge",
     .params = {M, M},
     .is_variadic = true,
     .returns_any = true,
     .changes_first = true,
     .call = [](Arguments a) { return merge_all(a, false); }},
    {.name = "mergeOverwrite",
     .params = {M, M},
     .is_variadic = true,
     .returns_any = true,
     .changes_first = true,
     .call = [](Arguments a) { return merge_all(a, true); }},
    {.name = "omit", .params = {M, S}, .is_variadic = true, .call = omit},
    {.name = "pick", .params = {M, S}, .is_variadic = true, .call = pick},
    {.name = "pluck", .params = {S, M}, .is_variadic = true, .call = pluck},
    {.name = "set", .params = {M, S, A}, .changes_first = true, .call = set},
    {.name = "unset", .params = {M, S}, .changes_first = true, .call = unset},
    {.name = "values", .params = {M}, .call = values},
};

}  // namespace

Table dicts() { return kTable; }

}  // namespace fencepost::tmpl::sprig
