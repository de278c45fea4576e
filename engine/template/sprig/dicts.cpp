#include <algorithm>

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

bool holds(const Value& value, const Map& wanted) {
    if (value.is_list()) {
        const List& list = value.as_list();
        return std::any_of(list.begin(), list.end(), [&](const Value& item) { return holds(item, wanted); });
    }
    if (!value.is_map()) return false;
    const Map& map = value.as_map();
    return &map == &wanted || std::any_of(map.begin(), map.end(),
                                          [&](const Member& member) { return holds(member.value, wanted); });
}

// As in Go, set, unset and merge change a map for all who hold it: the executor sees to it that only this
// render does.
void put(Map& map, const std::string& key, const Value& value) {
    if (holds(value, map)) fail("a map cannot be put into itself");
    map.set(key, value);
}

Value set(Arguments a) {
    if (a[0]->is_nil()) fail("assignment to entry in nil map");
    put(a[0]->shared_map(), a[1]->as_string(), *a[2]);
    return *a[0];
}

Value unset(Arguments a) {
    if (a[0]->is_map()) a[0]->shared_map().erase(a[1]->as_string());
    return *a[0];
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

// As mergo 0.3 merges: what the target has and is not empty stays, unless it is overwritten; maps merge into
// each other, and a map never takes the place of what is no map.
void merge_into(Map& target, const Map& source, bool overwrites) {
    for (const Member& member : source) {
        const Value& value = member.value;
        if (is_untyped_nil(value)) {
            if (overwrites) target.set(member.key, value);
            continue;
        }
        const Value* present = target.find(member.key);
        if (present != nullptr && present->is_map() && value.kind() != Kind::kList &&
            value.kind() != Kind::kBytes) {
            if (value.is_map())
                merge_into(present->shared_map(), value.as_map(), overwrites);
            else if (overwrites && (value.kind() == Kind::kTime || value.kind() == Kind::kStruct))
                fail("reflect: reflect.Value.Set using unaddressable value");
        }
        const bool is_kept = present != nullptr && !(present->kind() != Kind::kTime && is_empty(*present));
        const bool is_sequence = value.kind() == Kind::kList || value.kind() == Kind::kBytes;
        if (is_kept && (value.is_map() || (is_sequence && !overwrites))) continue;
        if (!is_kept || overwrites) put(target, member.key, value);
    }
}

Value merge_all(Arguments a, bool overwrites) {
    const Value target = a[0]->is_nil() ? Value(Map{}) : *a[0];
    bool is_merged = !a[0]->is_nil();
    for (const Value* source : a.subspan(1)) {
        if (source->is_nil()) continue;
        is_merged = true;
        const Map members = source->as_map();  // a map may be merged into itself
        merge_into(target.shared_map(), members, overwrites);
    }
    return is_merged ? target : *a[0];
}

Value deep_copy(Arguments a) {
    if (is_untyped_nil(*a[0])) fail("reflect: call of reflect.Value.Type on zero Value");
    Value copy = a[0]->deep_copy();
    empty_versions(copy);
    return copy;
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
     .changes_maps = true,
     .call = [](Arguments a) { return merge_all(a, false); }},
    {.name = "mergeOverwrite",
     .params = {M, M},
     .is_variadic = true,
     .returns_any = true,
     .changes_maps = true,
     .call = [](Arguments a) { return merge_all(a, true); }},
    {.name = "omit", .params = {M, S}, .is_variadic = true, .call = omit},
    {.name = "pick", .params = {M, S}, .is_variadic = true, .call = pick},
    {.name = "pluck", .params = {S, M}, .is_variadic = true, .call = pluck},
    {.name = "set", .params = {M, S, A}, .changes_maps = true, .call = set},
    {.name = "unset", .params = {M, S}, .changes_maps = true, .call = unset},
    {.name = "values", .params = {M}, .call = values},
};

}  // namespace

Table dicts() { return kTable; }

}  // namespace fencepost::tmpl::sprig
