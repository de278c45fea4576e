#include "protect/in_the_way.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "base/human.h"
#include "cluster/idempotent.h"
#include "protect/manifest.h"
#include "protect/restore_point.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;

constexpr std::chrono::milliseconds kLookAgain{200};

const List& owners_of(const Value& object) {
    return object.get("metadata", "ownerReferences").list_or_empty();
}

}  // namespace

InTheWay::InTheWay(run::World& world, ActionStatus& status, Tokens tokens,
                   const std::vector<RestoreItem>& items, std::chrono::seconds limit)
    : world_(world), status_(status), tokens_(std::move(tokens)), items_(items), limit_(limit) {}

// Data is never overwritten unless somebody has said so.
bool InTheWay::overwrites() const {
    return status_.spec()["overwriteExisting"].bool_or(false) || status_.spec()["dataOnly"].bool_or(false);
}

std::vector<InTheWay::Found> InTheWay::found() const {
    std::vector<Found> found;
    for (auto item = items_.rbegin(); item != items_.rend(); ++item) {
        if (!item->is_made) continue;
        auto there = cluster::find_object(world_.cluster, item->key_in(status_.key().ns));
        if (there && !is_made_by(*there, status_.uid())) found.push_back({&*item, std::move(*there)});
    }
    return found;
}

void InTheWay::refuse(const Value& content) const {
    const std::vector<Found> in_the_way = found();
    if (overwrites()) {
        refuse_lost_with_owners(content, in_the_way);
        for (const Found& one : in_the_way) refuse_forbidden(one);
        return;
    }
    for (const Found& one : in_the_way) {
        if (!one.item->is_claim()) continue;
        throw Error(
            ErrorKind::kFailedPrecondition,
            "the claim " + status_.key().ns + "/" + cluster::name_of(one.object) + " is there already",
            "set spec.overwriteExisting to replace it, or restore into another namespace");
    }
}

void InTheWay::refuse_forbidden(const Found& one) const {
    try {
        (void)world_.cluster.remove(one.item->key_in(status_.key().ns),
                                    {.precondition_uid = cluster::uid_of(one.object), .dry_run = true});
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kForbidden) return;
        throw Error(ErrorKind::kForbidden,
                    one.item->label() + " is in the way, and may not be deleted: " + e.message(),
                    "give Fencepost the right to delete it (the chart: rbac.extraRules), or restore into "
                    "another namespace");
    }
}

void InTheWay::refuse_lost_with_owners(const Value& content, const std::vector<Found>& in_the_way) const {
    std::map<std::string, std::string> going;  // by uid
    std::set<std::string> restored;
    for (const Found& one : in_the_way) going[cluster::uid_of(one.object)] = one.item->label();
    for (const RestoreItem& item : items_) {
        if (item.is_claim()) restored.insert(cluster::name_of(item.manifest));
    }
    const std::string& ns = status_.key().ns;
    for (const Value& claim : claims()) {
        const std::string name = cluster::name_of(claim);
        if (restored.contains(name) || !copy_of(content, name).is_map()) continue;
        for (const Value& owner : owners_of(claim)) {
            const auto goes = going.find(owner["uid"].string_or(""));
            if (goes == going.end()) continue;
            throw Error(ErrorKind::kFailedPrecondition,
                        "the claim " + ns + "/" + name + " would go with " + goes->second +
                            ", which owns it, and not come back: the filters leave it out",
                        "include persistentvolumeclaims/" + name + " too, or leave " + goes->second + " out");
        }
    }
}

void InTheWay::remove() {
    const std::vector<Found> going = overwrites() ? found() : std::vector<Found>{};
    std::vector<std::string> waits = left();
    if (waits.empty()) return;
    const std::string step = "what is in the way goes";
    status_.begin_step(step);
    for (const Found& one : going) status_.change_record()["replaced"][one.item->label()] = true;
    status_.flush(tokens_.shutdown);
    for (const Found& one : going) {
        if (!one.object.get("metadata", "deletionTimestamp").is_nil()) continue;
        try {
            // Not in the foreground: an operator would work on for an object that is still there.
            (void)world_.cluster.remove(one.item->key_in(status_.key().ns),
                                        {.precondition_uid = cluster::uid_of(one.object)});
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound && e.kind() != ErrorKind::kConflict) throw;
        }
    }
    const Deadline deadline = world_.clock.steady_now() + limit_;
    for (waits = left(); !waits.empty(); waits = left()) {
        if (world_.clock.steady_now() > deadline) {
            throw Error(ErrorKind::kTimeout, "what is in the way does not go: " + joined(waits, ", "),
                        "see what holds it: its finalizers, or a Pod that uses the claim");
        }
        world_.clock.sleep(kLookAgain, tokens_.cancel);
    }
    status_.end_step(step, "complete");
}

std::vector<std::string> InTheWay::left() const {
    std::set<std::string> labels;
    if (overwrites()) {
        for (const Found& one : found()) labels.insert(one.item->label());
    }
    for (const Value& claim : claims()) {
        if (has_lost_owners(claim)) labels.insert("persistentvolumeclaims/" + cluster::name_of(claim));
    }
    return {labels.begin(), labels.end()};
}

std::vector<Value> InTheWay::claims() const {
    return world_.cluster
        .list(types::kPersistentVolumeClaims, {.ns = status_.key().ns, .metadata_only = true})
        .items;
}

// All of them: the cluster is about to delete it. Of a kind that is not served it cannot tell, and does not.
bool InTheWay::has_lost_owners(const Value& claim) const {
    const List& owners = owners_of(claim);
    return !owners.empty() && std::all_of(owners.begin(), owners.end(), [&](const Value& owner) {
        const auto [group, version] = group_and_version(owner["apiVersion"].string_or(""));
        const auto type = world_.cluster.find_type(group, version, owner["kind"].string_or(""));
        if (!type) return false;
        const auto there = cluster::find_object(
            world_.cluster,
            {type->type, type->is_namespaced ? status_.key().ns : "", owner["name"].string_or("")});
        return !there || owner["uid"] != Value(cluster::uid_of(*there));
    });
}

}  // namespace fencepost::protect
