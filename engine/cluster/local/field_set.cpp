#include "cluster/local/field_set.h"

#include <algorithm>
#include <array>

#include "cluster/strategic_merge.h"
#include "value/json.h"

namespace fencepost::cluster::local {
namespace {

constexpr std::array<std::string_view, 10> kServerSide{"name",
                                                       "namespace",
                                                       "uid",
                                                       "resourceVersion",
                                                       "generation",
                                                       "selfLink",
                                                       "creationTimestamp",
                                                       "managedFields",
                                                       "deletionGracePeriodSeconds",
                                                       "deletionTimestamp"};

// Without what the server alone sets, and what says which object it is.
Value owned_part(const Value& object) {
    Value part = object;
    part.erase("apiVersion");
    part.erase("kind");
    if (!part["metadata"].is_map()) return part;
    for (const std::string_view member : kServerSide) part["metadata"].erase(member);
    if (part["metadata"].map_or_empty().empty()) part.erase("metadata");
    return part;
}

std::string member_step(std::string_view key) { return "f:" + std::string(key); }
std::string item_step(std::string_view key, const Value& item) {
    return "k:" + to_json(Value(Map{{std::string(key), item[key]}}));
}
std::string value_step(const Value& item) { return "v:" + to_json(item); }

const Value* find_item(const List& items, std::string_view key, const Value& like) {
    const auto found =
        std::find_if(items.begin(), items.end(), [&](const Value& item) { return item[key] == like[key]; });
    return found == items.end() ? nullptr : &*found;
}

}  // namespace

std::string_view ListKinds::key(std::string_view field, const List& items) const {
    if (is_custom_ && field != "ownerReferences") return {};
    const std::string_view key = merge_key(field, items);
    const bool all_have_it = std::all_of(
        items.begin(), items.end(), [&](const Value& item) { return item.is_map() && !item[key].is_nil(); });
    return all_have_it ? key : std::string_view();
}

bool ListKinds::is_set(std::string_view field) const { return is_primitive_merge(field); }

FieldSet FieldSet::of_object(const Value& object, const ListKinds& lists) {
    FieldSet set;
    set.add(owned_part(object), "", lists);
    set.is_member_ = false;
    return set;
}

void FieldSet::add(const Value& value, std::string_view field, const ListKinds& lists) {
    if (value.is_map() && !value.as_map().empty()) {
        for (const Member& member : value.as_map())
            children_[member_step(member.key)].add(member.value, member.key, lists);
        return;
    }
    if (value.is_list() && lists.is_set(field)) {
        for (const Value& item : value.as_list()) children_[value_step(item)].is_member_ = true;
        return;
    }
    const std::string_view key = value.is_list() ? lists.key(field, value.as_list()) : std::string_view();
    if (key.empty()) {
        is_member_ = true;
        return;
    }
    for (const Value& item : value.as_list()) {
        FieldSet& child = children_[item_step(key, item)];
        child.add(item, "", lists);
        child.is_member_ = true;
    }
}

FieldSet FieldSet::of_changes(const Value& before, const Value& after, const ListKinds& lists) {
    FieldSet set;
    set.add_changes(owned_part(before), owned_part(after), "", lists);
    return set;
}

void FieldSet::add_changes(const Value& before, const Value& after, std::string_view field,
                           const ListKinds& lists) {
    const auto descend = [&](const std::string& step, const Value& old, const Value& now,
                             std::string_view name) {
        FieldSet child;
        child.add_changes(old, now, name, lists);
        if (!child.is_empty()) children_[step] = std::move(child);
    };
    if (before == after) return;
    if (before.is_map() && after.is_map()) {
        for (const Member& member : after.as_map())
            descend(member_step(member.key), before[member.key], member.value, member.key);
        return;
    }
    const std::string_view key = before.is_list() && after.is_list() ? lists.key(field, after.as_list()) : "";
    if (!key.empty() && !lists.key(field, before.as_list()).empty()) {
        for (const Value& item : after.as_list()) {
            const Value* old = find_item(before.as_list(), key, item);
            descend(item_step(key, item), old == nullptr ? Value() : *old, item, "");
        }
        return;
    }
    add(after, field, lists);
}

FieldSet FieldSet::from_fields_v1(const Value& fields) {
    FieldSet set;
    set.is_member_ = fields.map_or_empty().empty();
    for (const Member& member : fields.map_or_empty()) {
        if (member.key == ".")
            set.is_member_ = true;
        else
            set.children_[member.key] = from_fields_v1(member.value);
    }
    return set;
}

Value FieldSet::to_fields_v1() const {
    Map map;
    if (is_member_ && !children_.empty()) map.set(".", Map{});
    for (const auto& [step, child] : children_) map.set(step, child.to_fields_v1());
    return map;
}

FieldSet FieldSet::intersection(const FieldSet& other) const {
    FieldSet result;
    result.is_member_ = is_member_ && other.is_member_;
    for (const auto& [step, child] : children_) {
        const auto found = other.children_.find(step);
        if (found == other.children_.end()) continue;
        if (FieldSet both = child.intersection(found->second); !both.is_empty())
            result.children_[step] = std::move(both);
    }
    return result;
}

FieldSet FieldSet::without(const FieldSet& other) const {
    FieldSet result;
    result.is_member_ = is_member_ && !other.is_member_;
    for (const auto& [step, child] : children_) {
        const auto found = other.children_.find(step);
        FieldSet left = found == other.children_.end() ? child : child.without(found->second);
        if (!left.is_empty()) result.children_[step] = std::move(left);
    }
    return result;
}

FieldSet FieldSet::with(const FieldSet& other) const {
    FieldSet result = *this;
    result.is_member_ = is_member_ || other.is_member_;
    for (const auto& [step, child] : other.children_) {
        const auto found = result.children_.find(step);
        if (found == result.children_.end())
            result.children_[step] = child;
        else
            found->second = found->second.with(child);
    }
    return result;
}

FieldSet FieldSet::absent_in(const Value& object, const ListKinds& lists) const {
    return without(of_object(object, lists));
}

void FieldSet::each_path(const std::function<void(const std::string& path)>& to) const { visit("", to); }

void FieldSet::visit(const std::string& prefix, const std::function<void(const std::string&)>& to) const {
    if (is_member_) to(prefix);
    for (const auto& [step, child] : children_) {
        const std::string name = step.substr(2);
        if (step.starts_with("f:")) {
            child.visit(prefix + "." + name, to);
        } else if (step.starts_with("v:")) {
            child.visit(prefix + "[=" + name + "]", to);
        } else {
            const Value key = parse_json(name);
            std::string text;
            for (const Member& member : key.map_or_empty()) text += member.key + "=" + to_json(member.value);
            child.visit(prefix + "[" + text + "]", to);
        }
    }
}

void FieldSet::remove_from(Value& object, const ListKinds& lists) const { remove(object, "", lists); }

void FieldSet::remove(Value& value, std::string_view field, const ListKinds& lists) const {
    if (value.is_map()) {
        for (const auto& [step, child] : children_) {
            const std::string key = step.substr(2);
            if (value.find(key) == nullptr) continue;
            if (child.is_member_ && child.children_.empty())
                value.erase(key);
            else
                child.remove(value[key], key, lists);
        }
        return;
    }
    if (!value.is_list()) return;
    const std::string key(lists.key(field, value.as_list()));
    std::erase_if(value.writable_list(), [&](Value& item) {
        const auto found = children_.find(key.empty() ? value_step(item) : item_step(key, item));
        if (found == children_.end()) return false;
        if (found->second.is_member_) return true;
        found->second.remove(item, "", lists);
        return false;
    });
}

Value merge_applied(const Value& live, const Value& applied, std::string_view field, const ListKinds& lists) {
    if (live.is_map() && applied.is_map()) {
        Value merged = live;
        for (const Member& member : applied.as_map())
            merged[member.key] = merge_applied(live[member.key], member.value, member.key, lists);
        return merged;
    }
    if (!live.is_list() || !applied.is_list()) return applied;
    List merged = live.as_list();
    if (lists.is_set(field)) {
        for (const Value& item : applied.as_list()) {
            if (std::find(merged.begin(), merged.end(), item) == merged.end()) merged.push_back(item);
        }
        return merged;
    }
    const std::string_view key = lists.key(field, applied.as_list());
    if (key.empty() || lists.key(field, merged).empty()) return applied;
    for (const Value& item : applied.as_list()) {
        const auto found = std::find_if(merged.begin(), merged.end(),
                                        [&](const Value& present) { return present[key] == item[key]; });
        if (found == merged.end())
            merged.push_back(item);
        else
            *found = merge_applied(*found, item, "", lists);
    }
    return merged;
}

}  // namespace fencepost::cluster::local
