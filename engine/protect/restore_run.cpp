#include "protect/restore_run.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "base/human.h"
#include "cluster/idempotent.h"
#include "protect/exports.h"
#include "protect/manifest.h"
#include "protect/restore_point.h"
#include "protect/restore_spec.h"
#include "protect/transform_sets.h"
#include "protect/validate_run.h"
#include "protect/volume_clone.h"
#include "protect/volume_data.h"
#include "protect/workloads.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;

const cluster::ResourceType kStorageClasses{"storage.k8s.io", "v1", "storageclasses"};
constexpr std::chrono::milliseconds kLookAgain{200};
constexpr std::size_t kMostListed = 500;  // objects that the status names one by one

std::optional<cluster::ResourceDescription> find_type(cluster::Cluster& cluster,
                                                      const std::string& api_version,
                                                      const std::string& kind) {
    const auto [group, version] = group_and_version(api_version);
    return cluster.find_type(group, version, kind);
}

bool is_bound(const Value& claim) { return claim.get("status", "phase") == Value("Bound"); }

}  // namespace

RestoreRun::RestoreRun(run::World& world, const Value& object, Tokens tokens, RestoreLimits limits)
    : world_(world),
      tokens_(std::move(tokens)),
      limits_(limits),
      status_(world, types::kRestoreActions, object),
      ns_(cluster::namespace_of(object)),
      hooks_(world, status_, tokens_),
      data_only_(world, status_, tokens_, limits.gone),
      in_the_way_(world, status_, tokens_, items_, limits.gone),
      blueprints_(world, status_, tokens_, items_) {}

void RestoreRun::run() {
    std::string failure;
    const char* state = state::kFailed;
    try {
        status_.begin(tokens_.shutdown);
        restore();
        hooks_.on_success();
    } catch (const Cancelled&) {
        tokens_.shutdown.throw_if_cancelled();
        state = state::kCancelled;
        failure = "it was cancelled";
    } catch (const Error& e) {
        failure = text_of(e);
    }
    if (!failure.empty()) {
        data_only_.tidy();
        try {
            hooks_.on_failure();
        } catch (const Error& e) {
            status_.add_exception(e.what());
        }
    }
    withdraw_offers();
    status_.change_record() = Value();
    status_.end(failure.empty() ? state::kComplete : state, failure, tokens_.shutdown);
}

void RestoreRun::restore() {
    check_restore_spec(status_.spec(), ns_);
    (void)world_.cluster.get({types::kNamespaces, "", ns_});
    const Value content = open_content(world_, status_.spec()["subject"]);
    // What is only to be looked at may be what an earlier look has found damaged.
    if (!status_.spec()["scratch"].is_string()) refuse_damaged(content);
    freeze_transforms();
    read_items(content);
    in_the_way_.refuse(content);
    blueprints_.prepare(content);
    data_only_.prepare(content, items_);
    expect_parts(content);
    hooks_.before();
    tokens_.cancel.throw_if_cancelled();
    blueprints_.call_each(content, "restorePrehook");
    data_only_.stop_users();
    if (!data_only_.are_claims_done()) {
        in_the_way_.remove();
        make_objects(content);
    }
    status_.end_part();
    data_only_.start_users();
    wait_until_ready();
    status_.end_part();
    blueprints_.call_each(content, "restore");
    blueprints_.call_each(content, "restorePosthook");
}

// Each volume, all other objects, the workloads' readiness, and what blueprints do.
void RestoreRun::expect_parts(const Value& content) {
    std::size_t parts = 2 + blueprints_.count(content);
    for (const RestoreItem& item : items_) {
        if (item.is_made && item.is_claim() && !data_only_.are_claims_done()) ++parts;
    }
    status_.expect_parts(parts);
}

// What a TransformSet holds may change while this runs, or before a later daemon goes on.
void RestoreRun::freeze_transforms() {
    const Value& asked = status_.spec()["transforms"];
    if (asked.is_nil() || status_.record()["transforms"].is_list()) return;
    status_.change_record()["transforms"] = resolved_transforms(world_, asked, "/spec/transforms");
    status_.flush(tokens_.shutdown);
}

void RestoreRun::read_items(const Value& content) {
    model::Problems problems;
    const ResourceFilter filter = ResourceFilter::read(status_.spec()["filters"], "/spec/filters", problems);
    const Transforms transforms =
        Transforms::read(status_.record()["transforms"], "/spec/transforms", problems);
    problems.throw_errors("the RestoreAction");
    const std::string from = content.get("spec", "application", "namespace").string_or("");
    for (Value& manifest : manifests_of(world_, content, tokens_.cancel)) {
        const std::string api = manifest["apiVersion"].string_or(""), kind = manifest["kind"].string_or("");
        const auto type = find_type(world_.cluster, api, kind);
        if (!type) {
            throw Error(ErrorKind::kFailedPrecondition, "the cluster serves no " + kind + " of " + api,
                        "install what defines it, or leave it out: spec.filters.excludeResources");
        }
        if (!filter.accepts(type->type, manifest)) continue;
        std::string name = cluster::name_of(manifest);
        move_subjects(manifest, from, ns_);
        RestoreItem item{type->type, kind, transforms.apply(type->type, std::move(manifest)), rank_of(kind),
                         std::move(name)};
        const bool is_data = item.is_claim() && copy_of(content, item.name).is_map();
        if (wants_clones(status_.spec())) {
            if (!is_data) continue;
            item.manifest = clone_of(item.manifest, status_.uid());
        }
        if (data_only_.is_asked()) item.is_made = is_data;
        items_.push_back(std::move(item));
    }
    if (items_.empty())
        throw Error(ErrorKind::kFailedPrecondition, "nothing of the restore point would be restored",
                    "the filters leave nothing over");
    std::stable_sort(items_.begin(), items_.end(),
                     [](const RestoreItem& a, const RestoreItem& b) { return a.rank < b.rank; });
}

std::optional<Value> RestoreRun::existing(const RestoreItem& item) const {
    return cluster::find_object(world_.cluster, item.key_in(ns_));
}

bool RestoreRun::is_ours(const Value& object) const { return is_made_by(object, status_.uid()); }

void RestoreRun::make_objects(const Value& content) {
    const std::string step = "objects";
    status_.begin_step(step);
    status_.change().erase("objects");
    status_.change().erase("restored");
    status_.flush(tokens_.shutdown);
    offer_copies(content);
    // An object waits for its owners; those whose owners are not restored are made without them at last.
    std::vector<const RestoreItem*> left;
    for (const RestoreItem& item : items_) {
        if (item.is_made) left.push_back(&item);
    }
    for (bool waits = true; !left.empty();) {
        const std::size_t before = left.size();
        std::erase_if(left, [&](const RestoreItem* item) {
            tokens_.cancel.throw_if_cancelled();
            if (!make(*item, waits)) return false;
            fill(content, *item);
            if (item->is_claim()) status_.end_part();
            return true;
        });
        waits = left.size() < before;
    }
    status_.end_step(step, "complete");
    status_.flush(tokens_.shutdown);
}

// So that claims may name them as what they are made of.
void RestoreRun::offer_copies(const Value& content) {
    for (RestoreItem& item : items_) {
        if (!item.is_made || !item.is_claim()) continue;
        const std::string& name = item.name;
        const Value copy = copy_of(content, name);
        item.manifest["spec"].erase("dataSource");
        item.manifest["spec"].erase("dataSourceRef");
        if (!copy.is_map()) continue;
        if (is_exported(copy)) {
            make_room(item.manifest, copy["restoreSize"].string_or(""));
            continue;
        }
        const std::string offer = child_name(status_, "volume/" + name);
        offer_copy(world_, ns_, offer, status_.uid(), copy);
        Value& source = item.manifest["spec"]["dataSource"];
        source["apiGroup"] = types::kVolumeSnapshots.group;
        source["kind"] = "VolumeSnapshot";
        source["name"] = offer;
    }
}

// False: an owner is not there yet.
bool RestoreRun::give_owners(Value& manifest, bool waits_for_owners) const {
    const List owners = std::as_const(manifest).get("metadata", "ownerReferences").list_or_empty();
    if (owners.empty()) return true;
    List found;
    for (Value owner : owners) {
        const auto type =
            find_type(world_.cluster, owner["apiVersion"].string_or(""), owner["kind"].string_or(""));
        const auto there =
            type ? cluster::find_object(world_.cluster, {type->type, ns_, owner["name"].string_or("")})
                 : std::nullopt;
        if (there) {
            owner["uid"] = cluster::uid_of(*there);
            found.push_back(std::move(owner));
        } else if (waits_for_owners) {
            return false;
        }
    }
    if (found.empty())
        manifest["metadata"].erase("ownerReferences");
    else
        manifest["metadata"]["ownerReferences"] = std::move(found);
    return true;
}

bool RestoreRun::make(const RestoreItem& item, bool waits_for_owners) {
    Value manifest = item.manifest;
    // Data and settings do not wait: an operator that finds none would make its own.
    if (!give_owners(manifest, waits_for_owners && item.rank > kLastOfData)) return false;
    manifest["metadata"]["namespace"] = ns_;
    manifest["metadata"]["annotations"][kRestoredBy] = status_.uid();
    std::string what =
        std::as_const(status_.record()).get("replaced", item.label()).is_nil() ? "created" : "replaced";
    try {
        (void)world_.cluster.create(item.type, manifest, {.field_manager = "fencepost"});
    } catch (Error& e) {
        if (e.kind() != ErrorKind::kAlreadyExists) {
            e.add_trace(item.label());
            throw;
        }
        const auto there = existing(item);
        if (!there || !is_ours(*there)) {
            if (item.is_claim())
                throw Error(ErrorKind::kFailedPrecondition,
                            "somebody else has made the claim " + ns_ + "/" + cluster::name_of(manifest) +
                                " meanwhile",
                            "see who does, an operator perhaps; then restore again");
            what = "kept";
        }
    }
    Value& counts = status_.change()["objects"];
    counts[what] = std::as_const(counts)[what].int_or(0) + 1;
    if (items_.size() <= kMostListed) {
        Value told(
            Map{{"resource", item.type.resource}, {"name", cluster::name_of(manifest)}, {"what", what}});
        status_.change()["restored"].push_back(std::move(told));
    }
    return true;
}

// An exported volume's files come before anything that could use the claim: those are of a higher rank.
void RestoreRun::fill(const Value& content, const RestoreItem& item) {
    if (!item.is_claim()) return;
    const Value copy = copy_of(content, item.name);
    const auto claim = existing(item);
    if (!is_exported(copy) || !claim || !is_ours(*claim)) return;
    const Exports exports(world_, content.get("spec", "export", "profile"), tokens_.cancel);
    const std::string step = "data of " + item.label();
    const ChildEnd end = run_step(world_, status_, step,
                                  fill_from(world_, exports,
                                            {.name = child_name(status_, step),
                                             .parent = status_.uid(),
                                             .ns = ns_,
                                             .claim = cluster::name_of(item.manifest)},
                                            copy),
                                  tokens_);
    if (end.is_complete) return data_only_.tell_filled(cluster::name_of(item.manifest));
    tokens_.cancel.throw_if_cancelled();
    throw Error(ErrorKind::kFailedPrecondition, step + " failed: " + end.error);
}

// With such a class a claim is bound when the first Pod wants it, which may be never.
bool RestoreRun::waits_for_consumer(const Value& claim) const {
    const std::string name = claim.get("spec", "storageClassName").string_or("");
    const auto found =
        name.empty() ? std::nullopt : cluster::find_object(world_.cluster, {kStorageClasses, "", name});
    return found && (*found)["volumeBindingMode"] == Value("WaitForFirstConsumer");
}

std::string RestoreRun::why_not_ready() const {
    std::vector<std::string> waits = data_only_.not_ready();
    for (const RestoreItem& item : items_) {
        if (!item.is_claim() && item.rank != rank_of("Pod")) continue;
        const auto there = existing(item);
        if (!there || !is_ours(*there)) continue;
        if (item.is_claim() ? !is_bound(*there) && !waits_for_consumer(*there) : !is_ready(item.kind, *there))
            waits.push_back(item.label());
    }
    return joined(waits, ", ");
}

void RestoreRun::wait_until_ready() {
    if (status_.spec()["skipWaitForWorkloadReady"].bool_or(false)) return;
    const std::string step = "workloads ready";
    const Deadline deadline = world_.clock.steady_now() + limits_.ready;
    std::string waits = why_not_ready();
    if (waits.empty()) return;
    status_.begin_step(step);
    status_.flush(tokens_.shutdown);
    while (!waits.empty()) {
        if (world_.clock.steady_now() > deadline) {
            status_.end_step(step, "failed", waits);
            throw Error(ErrorKind::kTimeout, "not ready in time: " + waits,
                        "look at their Pods; spec.skipWaitForWorkloadReady goes on without");
        }
        world_.clock.sleep(kLookAgain, tokens_.cancel);
        waits = why_not_ready();
    }
    status_.end_step(step, "complete");
}

// The copies themselves stay. A claim that waits for its first Pod still needs its offer: that goes with the
// RestoreAction.
void RestoreRun::withdraw_offers() {
    for (const RestoreItem& item : items_) {
        if (!item.is_claim()) continue;
        const auto claim = existing(item);
        if (claim && is_ours(*claim) && !is_bound(*claim)) continue;
        withdraw_offer(world_, ns_, child_name(status_, "volume/" + item.name));
    }
}

}  // namespace fencepost::protect
