#include "cluster/local/managed_fields.h"

#include <algorithm>
#include <vector>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/local/field_set.h"

namespace fencepost::cluster::local {
namespace {

constexpr const char* kApply = "Apply";
constexpr const char* kUpdate = "Update";

struct Owner {
    Value entry;
    FieldSet fields;
    [[nodiscard]] bool is(const Manager& manager, const char* operation) const {
        return entry["manager"] == Value(manager.name) && entry["operation"] == Value(operation) &&
               entry["subresource"].string_or("") == manager.subresource;
    }
};

std::vector<Owner> owners_of(const Value& object) {
    std::vector<Owner> owners;
    for (const Value& entry : object.get("metadata", "managedFields").list_or_empty())
        owners.push_back({entry, FieldSet::from_fields_v1(entry["fieldsV1"])});
    return owners;
}

Owner make_owner(const Manager& manager, const char* operation, const Value& object, FieldSet fields,
                 SystemTime now) {
    Value entry;
    entry["manager"] = manager.name;
    entry["operation"] = operation;
    entry["apiVersion"] = object["apiVersion"];
    entry["time"] = format_rfc3339(now);
    entry["fieldsType"] = "FieldsV1";
    if (!manager.subresource.empty()) entry["subresource"] = manager.subresource;
    return {std::move(entry), std::move(fields)};
}

Value to_managed_fields(const std::vector<Owner>& owners) {
    List list;
    for (const Owner& owner : owners) {
        if (owner.fields.is_empty()) continue;
        Value entry = owner.entry;
        entry["fieldsV1"] = owner.fields.to_fields_v1();
        list.push_back(std::move(entry));
    }
    return list.empty() ? Value() : Value(std::move(list));
}

// The fields that the manager wants otherwise than they are, and that somebody else owns.
void settle_conflicts(std::vector<Owner>& owners, const Manager& manager, const FieldSet& changes,
                      bool is_forced) {
    std::string told;
    int count = 0;
    for (Owner& owner : owners) {
        if (owner.is(manager, kApply)) continue;
        const FieldSet disputed = owner.fields.intersection(changes);
        if (disputed.is_empty()) continue;
        if (is_forced) {
            owner.fields = owner.fields.without(disputed);
            continue;
        }
        told += (told.empty() ? "" : "\n") + std::string("conflict with \"") +
                owner.entry["manager"].string_or("") + "\" using " + owner.entry["apiVersion"].string_or("") +
                ":";
        disputed.each_path([&](const std::string& path) {
            told += "\n- " + path;
            ++count;
        });
    }
    if (count == 0) return;
    throw Error(
        ErrorKind::kConflict,
        "Apply failed with " + std::to_string(count) + (count == 1 ? " conflict: " : " conflicts: ") + told,
        "leave the fields out, or take them over with --force-conflicts");
}

}  // namespace

Value apply_object(const ResourceType& type, const Value& live, const Value& applied, const Manager& manager,
                   bool is_forced, SystemTime now) {
    if (!applied.get("metadata", "managedFields").is_nil())
        throw Error(ErrorKind::kInvalid, "metadata.managedFields must be nil");
    const ListKinds lists(type);
    const FieldSet wanted = FieldSet::of_object(applied, lists);
    std::vector<Owner> owners = owners_of(live);
    if (live.is_map() && owners.empty()) {
        owners.push_back(
            make_owner({"before-first-apply", ""}, kUpdate, live, FieldSet::of_object(live, lists), now));
    }
    Value merged = live.is_map() ? merge_applied(live, applied, "", lists) : applied;
    if (live.is_map())
        settle_conflicts(owners, manager, FieldSet::of_changes(live, merged, lists), is_forced);

    FieldSet given_up;
    FieldSet of_others;
    for (const Owner& owner : owners) {
        if (owner.is(manager, kApply))
            given_up = owner.fields.without(wanted);
        else
            of_others = of_others.with(owner.fields);
    }
    given_up.without(of_others).remove_from(merged, lists);
    Owner mine = make_owner(manager, kApply, applied, wanted, now);
    const auto before = std::find_if(owners.begin(), owners.end(),
                                     [&](const Owner& owner) { return owner.is(manager, kApply); });
    if (before == owners.end())
        owners.push_back(std::move(mine));
    else if (!(merged == live) || !(before->fields.to_fields_v1() == wanted.to_fields_v1()))
        *before = std::move(mine);  // else nothing has changed, and the time stays what it was
    merged["metadata"]["managedFields"] = to_managed_fields(owners);
    return merged;
}

Value managed_fields_after(const ResourceType& type, const Value& before, const Value& after,
                           const Manager& manager, SystemTime now) {
    std::vector<Owner> owners = owners_of(before);
    if (owners.empty()) return {};
    const ListKinds lists(type);
    const FieldSet changes = FieldSet::of_changes(before, after, lists);
    bool has_own = false;
    for (Owner& owner : owners) {
        const bool is_own = owner.is(manager, kUpdate);
        owner.fields = owner.fields.without(owner.fields.absent_in(after, lists));
        if (!is_own) {
            owner.fields = owner.fields.without(changes);
        } else if (!changes.is_empty()) {
            owner = make_owner(manager, kUpdate, after, owner.fields.with(changes), now);
        }
        has_own = has_own || is_own;
    }
    if (!has_own && !changes.is_empty()) owners.push_back(make_owner(manager, kUpdate, after, changes, now));
    return to_managed_fields(owners);
}

}  // namespace fencepost::cluster::local
