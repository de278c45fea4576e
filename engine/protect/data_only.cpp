#include "protect/data_only.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/human.h"
#include "cluster/idempotent.h"
#include "protect/restore_point.h"
#include "protect/volume_data.h"
#include "protect/workloads.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;

constexpr const char* kStopped = "workloads stopped";
constexpr const char* kStarted = "workloads started";
constexpr std::chrono::seconds kRetryPause{1};

bool has_action(const Value& content, const Value& resource, const char* action) {
    return content.get("spec", "blueprints", resource["blueprint"].string_or(""), "actions", action).is_map();
}

bool is_restored_by_blueprint(const Value& content, const Value& resource) {
    constexpr std::array<const char*, 3> kActions{"restorePrehook", "restore", "restorePosthook"};
    return std::any_of(kActions.begin(), kActions.end(),
                       [&](const char* action) { return has_action(content, resource, action); });
}

// The claims that a prehook is to make free.
std::set<std::string> freed_claims(const Value& content) {
    std::set<std::string> freed;
    for (const Value& resource : content.get("spec", "resources").list_or_empty()) {
        if (!has_action(content, resource, "restorePrehook")) continue;
        for (const Value& claim : resource["claims"].list_or_empty()) freed.insert(claim.string_or(""));
    }
    return freed;
}

bool works_on(const RestoreItem& item, const std::set<std::string>& claims) {
    constexpr std::array<std::string_view, 4> kWorkloads{"Deployment", "StatefulSet", "ReplicaSet",
                                                         "DaemonSet"};
    return std::find(kWorkloads.begin(), kWorkloads.end(), item.kind) != kWorkloads.end() &&
           !claims_used_by(item.manifest, claims).empty();
}

// What the data is for, and so has to be there: who uses the claims, and what blueprints restore.
std::vector<const RestoreItem*> needed_by(const Value& content, const std::vector<RestoreItem>& items,
                                          const std::set<std::string>& claims) {
    std::set<std::string> restored;
    for (const Value& resource : content.get("spec", "resources").list_or_empty()) {
        if (is_restored_by_blueprint(content, resource)) restored.insert(label_of(resource));
    }
    std::vector<const RestoreItem*> needed;
    for (const RestoreItem& item : items) {
        if (works_on(item, claims) || restored.contains(item.type.resource + "/" + item.name))
            needed.push_back(&item);
    }
    return needed;
}

}  // namespace

DataOnly::DataOnly(run::World& world, ActionStatus& status, Tokens tokens, std::chrono::seconds limit)
    : world_(world), status_(status), tokens_(std::move(tokens)), limit_(limit) {}

bool DataOnly::is_asked() const { return status_.spec()["dataOnly"].bool_or(false); }
const Value& DataOnly::record() const { return status_.record()["dataOnly"]; }
bool DataOnly::are_claims_done() const { return record()["areClaimsDone"].bool_or(false); }

ClaimUsers DataOnly::users() const {
    std::set<std::string> claims;
    for (const Member& claim : record()["claims"].map_or_empty()) claims.insert(claim.key);
    return {world_, status_.key().ns, std::move(claims)};
}

void DataOnly::prepare(const Value& content, const std::vector<RestoreItem>& items) {
    if (!is_asked() || record().is_map()) return;
    const std::string& ns = status_.key().ns;
    Value claims{Map{}};
    std::set<std::string> names;
    for (const RestoreItem& item : items) {
        if (!item.is_made) continue;
        const std::string name = cluster::name_of(item.manifest);
        names.insert(name);
        claims[name] = Map{{"isFilled", !is_exported(copy_of(content, item.name))}};
    }
    const std::vector<const RestoreItem*> needed = needed_by(content, items, names);
    if (needed.empty() && names.empty())
        throw Error(ErrorKind::kFailedPrecondition, "the restore point holds no data",
                    "restore without spec.dataOnly, which makes its objects");
    const auto is_there = [&](const RestoreItem& item) {
        return cluster::find_object(world_.cluster, {item.type, ns, cluster::name_of(item.manifest)})
            .has_value();
    };
    std::vector<std::string> missing;
    for (const RestoreItem* item : needed) {
        if (!is_there(*item)) missing.push_back(item->label());
    }
    if (needed.empty() && std::none_of(items.begin(), items.end(), is_there))
        missing.emplace_back("all that the restore point is of");
    if (!missing.empty())
        throw Error(ErrorKind::kFailedPrecondition,
                    "the application is not there: the namespace " + ns + " lacks " + joined(missing, ", "),
                    "restore without spec.dataOnly, which makes what is missing");
    ClaimUsers(world_, ns, names).refuse_unstoppable(freed_claims(content));
    status_.change_record()["dataOnly"] = Map{{"claims", std::move(claims)}};
    status_.flush(tokens_.shutdown);
}

void DataOnly::stop_users() {
    if (!is_asked() || are_claims_done()) return;
    status_.begin_step(kStopped);
    status_.flush(tokens_.shutdown);
    users().stop(limit_, tokens_.cancel);
    status_.end_step(kStopped, "complete");
}

void DataOnly::tell_filled(const std::string& claim) {
    if (!is_asked()) return;
    status_.change_record()["dataOnly"]["claims"][claim]["isFilled"] = true;
    status_.flush(tokens_.shutdown);
}

void DataOnly::start_users() {
    if (!is_asked()) return;
    // Before anything starts, so that no later daemon stops it under a blueprint's `restore`.
    status_.change_record()["dataOnly"]["areClaimsDone"] = true;
    status_.begin_step(kStarted);
    status_.flush(tokens_.shutdown);
    (void)users().start({});
    status_.end_step(kStarted, "complete");
    status_.flush(tokens_.shutdown);
}

// What this action has not replaced yet is as it was.
std::set<std::string> DataOnly::broken_claims() const {
    std::set<std::string> broken;
    for (const Member& claim : record()["claims"].map_or_empty()) {
        const auto there = cluster::find_object(
            world_.cluster, {types::kPersistentVolumeClaims, status_.key().ns, claim.key});
        const bool is_ours = there && is_made_by(*there, status_.uid());
        const bool is_whole = there && there->get("metadata", "deletionTimestamp").is_nil() &&
                              (!is_ours || claim.value["isFilled"].bool_or(false));
        if (!is_whole) broken.insert(claim.key);
    }
    return broken;
}

void DataOnly::tidy() {
    if (!record().is_map()) return;
    for (;;) {
        try {
            for (const std::string& left : users().start(broken_claims())) {
                status_.add_exception(left +
                                      " stays scaled down: a volume that it uses is not whole. "
                                      "Restore again, which starts it");
            }
            return;
        } catch (const Error& e) {
            if (!e.is_transient())
                return status_.add_exception("what was scaled down could not be started again: " +
                                             text_of(e));
        }
        world_.clock.sleep(kRetryPause, tokens_.shutdown);
    }
}

std::vector<std::string> DataOnly::not_ready() const {
    return record().is_map() ? users().not_ready() : std::vector<std::string>{};
}

}  // namespace fencepost::protect
