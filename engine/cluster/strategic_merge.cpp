#include "cluster/strategic_merge.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "value/json.h"

namespace fencepost::cluster {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kMergeKeys{{
    {"containers", "name"},
    {"initContainers", "name"},
    {"ephemeralContainers", "name"},
    {"env", "name"},
    {"volumes", "name"},
    {"volumeMounts", "mountPath"},
    {"volumeDevices", "devicePath"},
    {"imagePullSecrets", "name"},
    {"hostAliases", "ip"},
    {"ports", "containerPort"},
    {"topologySpreadConstraints", "topologyKey"},
    {"resourceClaims", "name"},
    {"conditions", "type"},
    {"ownerReferences", "uid"},
    {"secrets", "name"},
    {"addresses", "type"},
    {"podIPs", "ip"},
    {"hostIPs", "ip"},
    {"schedulingGates", "name"},
    {"claims", "name"},
}};
constexpr std::array<std::string_view, 1> kPrimitiveMerges{"finalizers"};

bool is_directive(std::string_view key) { return !key.empty() && key[0] == '$'; }

Value merge_maps(const Value& target, const Value& patch);

Value without_directives(const Value& patch) {
    if (!patch.is_map()) {
        if (!patch.is_list()) return patch;
        List items;
        for (const Value& item : patch.as_list()) {
            if (item["$patch"].string_or("") != "delete") items.push_back(without_directives(item));
        }
        return Value(std::move(items));
    }
    Map result;
    for (const Member& member : patch.as_map()) {
        if (!is_directive(member.key) && !member.value.is_nil())
            result.set(member.key, without_directives(member.value));
    }
    return Value(std::move(result));
}

List::iterator find_item(List& items, std::string_view key, const Value& wanted) {
    return std::find_if(items.begin(), items.end(), [&](const Value& item) { return item[key] == wanted; });
}

Value merge_lists(std::string_view field, const Value& target, const Value& patch) {
    const List& patches = patch.as_list();
    const auto replaces = [](const Value& item) { return item["$patch"].string_or("") == "replace"; };
    if (std::any_of(patches.begin(), patches.end(), replaces)) {
        List items;
        for (const Value& item : patches) {
            if (!replaces(item)) items.push_back(without_directives(item));
        }
        return Value(std::move(items));
    }
    List items = target.list_or_empty();
    if (is_primitive_merge(field)) {
        for (const Value& item : patches) {
            if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(item);
        }
        return Value(std::move(items));
    }
    const std::string_view key = merge_key(field, patches);
    if (key.empty()) return without_directives(patch);
    for (const Value& item : patches) {
        const Value& wanted = item[key];
        if (wanted.is_nil()) {
            throw Error(ErrorKind::kInvalid, "map: " + to_json(item) +
                                                 " does not contain declared merge key: " + std::string(key));
        }
        const auto found = find_item(items, key, wanted);
        if (item["$patch"].string_or("") == "delete") {
            if (found != items.end()) items.erase(found);
        } else if (found != items.end()) {
            *found = merge_maps(*found, item);
        } else {
            items.push_back(without_directives(item));
        }
    }
    return Value(std::move(items));
}

// The items that the order names come in that order; what the server alone has stays where its left neighbour
// goes.
void set_order(Map& result, std::string_view field, const Value& order) {
    Value* list = result.find(field);
    if (list == nullptr || !list->is_list()) return;
    const std::string_view key = merge_key(field, order.list_or_empty());
    const auto position = [&](const Value& item) {
        const List& wanted = order.list_or_empty();
        for (std::size_t i = 0; i < wanted.size(); ++i) {
            if (key.empty() || !wanted[i].is_map() ? wanted[i] == item : wanted[i][key] == item[key])
                return i;
        }
        return wanted.size();
    };
    List& items = list->writable_list();
    std::size_t last = 0;
    std::vector<std::pair<std::size_t, Value>> ranked;
    for (Value& item : items) {
        const std::size_t at = position(item);
        if (at < order.list_or_empty().size()) last = at;
        ranked.emplace_back(last, std::move(item));
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    items.clear();
    for (auto& [at, item] : ranked) items.push_back(std::move(item));
}

void apply_list_directive(Map& result, const Member& directive) {
    constexpr std::string_view kOrder = "$setElementOrder/";
    constexpr std::string_view kDelete = "$deleteFromPrimitiveList/";
    const std::string_view name = directive.key;
    if (name.starts_with(kOrder)) {
        set_order(result, name.substr(kOrder.size()), directive.value);
    } else if (name.starts_with(kDelete)) {
        Value* list = result.find(name.substr(kDelete.size()));
        if (list == nullptr || !list->is_list()) return;
        for (const Value& gone : directive.value.list_or_empty()) std::erase(list->writable_list(), gone);
    } else if (name != "$patch" && name != "$retainKeys") {
        throw Error(ErrorKind::kInvalid,
                    "unknown directive " + directive.key + " in a strategic merge patch");
    }
}

Value merge_maps(const Value& target, const Value& patch) {
    const std::string directive = patch["$patch"].string_or("");
    if (directive == "replace") return without_directives(patch);
    if (directive == "delete") return {};
    Map result = target.map_or_empty();
    if (const Value* retained = patch.find("$retainKeys")) {
        for (const Member& member : target.map_or_empty()) {
            const List& keys = retained->list_or_empty();
            if (std::find(keys.begin(), keys.end(), Value(member.key)) == keys.end())
                result.erase(member.key);
        }
    }
    for (const Member& member : patch.as_map()) {
        if (is_directive(member.key)) continue;
        const Value* present = result.find(member.key);
        if (member.value.is_nil()) {
            result.erase(member.key);
        } else if (member.value.is_map()) {
            Value merged =
                merge_maps(present != nullptr && present->is_map() ? *present : Value(Map{}), member.value);
            if (member.value["$patch"].string_or("") == "delete")
                result.erase(member.key);
            else
                result.set(member.key, std::move(merged));
        } else if (member.value.is_list()) {
            result.set(member.key,
                       merge_lists(member.key, present != nullptr ? *present : Value{}, member.value));
        } else {
            result.set(member.key, member.value);
        }
    }
    for (const Member& member : patch.as_map()) {
        if (is_directive(member.key)) apply_list_directive(result, member);
    }
    return Value(std::move(result));
}

}  // namespace

std::string_view merge_key(std::string_view field, const List& items) {
    // Services list ports by `port`, containers by `containerPort`.
    if (field == "ports" && !items.empty() && items[0].find("containerPort") == nullptr) return "port";
    for (const auto& [name, key] : kMergeKeys) {
        if (name == field) return key;
    }
    return {};
}

bool is_primitive_merge(std::string_view field) {
    return std::find(kPrimitiveMerges.begin(), kPrimitiveMerges.end(), field) != kPrimitiveMerges.end();
}

Value strategic_merge(const Value& target, const Value& patch) {
    if (!patch.is_map()) throw Error(ErrorKind::kInvalid, "a strategic merge patch must be an object");
    return merge_maps(target, patch);
}

Value json_merge(const Value& target, const Value& patch) {
    if (!patch.is_map()) return patch;
    Map result = target.map_or_empty();
    for (const Member& member : patch.as_map()) {
        if (member.value.is_nil()) {
            result.erase(member.key);
        } else {
            const Value* present = result.find(member.key);
            result.set(member.key, json_merge(present != nullptr ? *present : Value{}, member.value));
        }
    }
    return Value(std::move(result));
}

}  // namespace fencepost::cluster
