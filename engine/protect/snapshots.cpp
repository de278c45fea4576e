#include "protect/snapshots.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "binding/resolve.h"
#include "cluster/idempotent.h"
#include "protect/child_action.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;
using cluster::ObjectKey;

constexpr const char* kApi = "snapshot.storage.k8s.io/v1";
constexpr const char* kManager = "fencepost";
const cluster::ResourceType kStorageClasses{"storage.k8s.io", "v1", "storageclasses"};
const cluster::ResourceType kPersistentVolumes{"", "v1", "persistentvolumes"};
// Kasten's and Kubernetes' marks of the class that is meant where several fit.
constexpr const char* kChosenMark = "k10.kasten.io/is-snapshot-class";
constexpr const char* kDefaultMark = "snapshot.storage.kubernetes.io/is-default-class";

void set_deletion_policy(run::World& world, const std::string& content, const char* policy) {
    Value patch;
    patch["spec"]["deletionPolicy"] = policy;
    (void)world.cluster.patch({types::kVolumeSnapshotContents, "", content}, cluster::PatchType::kMerge,
                              patch, {.field_manager = kManager});
}

bool has_point_in_time(const Value& snapshot) { return !snapshot.get("status", "creationTime").is_nil(); }
bool is_ready(const Value& snapshot) {
    return snapshot.get("status", "readyToUse").bool_or(false) && has_point_in_time(snapshot);
}

std::string says(const Value& snapshot) {
    if (!snapshot["status"].is_map()) return "no snapshot controller has looked at it yet";
    return snapshot.get("status", "error", "message").string_or("its driver has not finished it");
}

void remove_snapshot(run::World& world, const Value& snapshot) {
    Value kept;
    kept["snapshot"] = cluster::name_of(snapshot);
    kept["content"] = snapshot.get("status", "boundVolumeSnapshotContentName");
    remove_copy(world, cluster::namespace_of(snapshot), kept);
}

}  // namespace

Snapshots::Snapshots(run::World& world, std::string ns, std::string parent)
    : world_(world), ns_(std::move(ns)), parent_(std::move(parent)) {}

std::string Snapshots::driver_of(const Value& claim) {
    const std::string name = claim.get("spec", "storageClassName").string_or("");
    if (!name.empty()) {
        if (const auto found = cluster::find_object(world_.cluster, {kStorageClasses, "", name}))
            return (*found)["provisioner"].string_or("");
    }
    const std::string volume = claim.get("spec", "volumeName").string_or("");
    const auto found = volume.empty()
                           ? std::nullopt
                           : cluster::find_object(world_.cluster, {kPersistentVolumes, "", volume});
    return found ? found->get("spec", "csi", "driver").string_or("") : "";
}

// "": the cluster's default.
std::string Snapshots::class_for(const Value& claim) {
    const std::string driver = driver_of(claim);
    std::string chosen;
    int best = 0;
    for (const Value& one : world_.cluster.list(types::kVolumeSnapshotClasses).items) {
        if (!driver.empty() && one["driver"] != Value(driver)) continue;
        const Value& marks = one.get("metadata", "annotations");
        const bool is_chosen = marks[kChosenMark].string_or("") == "true";
        const bool is_default = marks[kDefaultMark].string_or("") == "true";
        // Where nothing is known of the driver, a mark alone decides.
        const int rank = is_chosen ? 3 : is_default ? 2 : driver.empty() ? 0 : 1;
        if (rank > best) {
            best = rank;
            chosen = cluster::name_of(one);
        }
    }
    if (!chosen.empty() || driver.empty()) return chosen;
    throw Error(ErrorKind::kFailedPrecondition,
                "there is no VolumeSnapshotClass for the driver " + driver + " of the claim " + ns_ + "/" +
                    cluster::name_of(claim),
                "make one, or leave the claim out: spec.filters.excludeResources");
}

void Snapshots::take(const std::vector<VolumeCopy>& copies) {
    if (copies.empty()) return;
    if (!world_.cluster.find_type(types::kVolumeSnapshots.group, types::kVolumeSnapshots.version,
                                  types::kVolumeSnapshots.resource)) {
        throw Error(
            ErrorKind::kFailedPrecondition, "the cluster has no VolumeSnapshots (snapshot.storage.k8s.io/v1)",
            "install the external snapshotter, or leave the claims out: spec.filters.excludeResources");
    }
    for (const VolumeCopy& copy : copies) {
        const Value claim = world_.cluster.get({types::kPersistentVolumeClaims, ns_, copy.claim});
        Value snapshot;
        snapshot["apiVersion"] = kApi;
        snapshot["kind"] = "VolumeSnapshot";
        snapshot["metadata"]["name"] = copy.snapshot;
        snapshot["metadata"]["namespace"] = ns_;
        snapshot["metadata"]["labels"][kParentLabel] = parent_;
        if (const std::string of_class = class_for(claim); !of_class.empty())
            snapshot["spec"]["volumeSnapshotClassName"] = of_class;
        snapshot["spec"]["source"]["persistentVolumeClaimName"] = copy.claim;
        cluster::create_unless_there(world_.cluster, types::kVolumeSnapshots, snapshot,
                                     {.field_manager = kManager});
    }
}

void Snapshots::wait(const std::vector<VolumeCopy>& copies, Deadline deadline, const CancelToken& cancel,
                     const char* what, bool (*is_reached)(const Value& snapshot)) {
    std::map<std::string, std::string> missing;  // with what was last said
    for (const VolumeCopy& copy : copies) missing[copy.snapshot];
    const std::string ours = std::string(kParentLabel) + "=" + parent_;
    const auto look = [&](const Value& snapshot) {
        const auto found = missing.find(cluster::name_of(snapshot));
        if (found == missing.end()) return;
        found->second = says(snapshot);
        if (is_reached(snapshot)) missing.erase(found);
    };
    const auto fail_deleted = [&](const std::string& name) {
        throw Error(ErrorKind::kNotFound,
                    "the VolumeSnapshot " + ns_ + "/" + name + " was deleted by somebody else");
    };
    while (!missing.empty()) {
        try {
            const auto present =
                world_.cluster.list(types::kVolumeSnapshots, {.ns = ns_, .label_selector = ours});
            std::set<std::string> there;
            for (const Value& snapshot : present.items) there.insert(cluster::name_of(snapshot));
            for (const auto& [name, said] : missing) {
                if (!there.contains(name)) fail_deleted(name);
            }
            for (const Value& snapshot : present.items) look(snapshot);
            const auto changes = world_.cluster.watch(
                types::kVolumeSnapshots,
                {.ns = ns_, .label_selector = ours, .resource_version = present.resource_version});
            while (!missing.empty()) {
                const auto event = changes->next(cancel, deadline);
                if (!event) {
                    const auto& [name, said] = *missing.begin();
                    throw Error(ErrorKind::kTimeout,
                                "the VolumeSnapshot " + ns_ + "/" + name + " " + what + " in time: " + said);
                }
                if (event->type == cluster::WatchEvent::Type::kBookmark) continue;
                const std::string name = cluster::name_of(event->object);
                if (event->type == cluster::WatchEvent::Type::kDeleted && missing.contains(name))
                    fail_deleted(name);
                look(event->object);
            }
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kGone && e.kind() != ErrorKind::kUnavailable) throw;
            world_.clock.sleep(std::chrono::milliseconds(500), cancel);
        }
    }
}

void Snapshots::wait_for_point_in_time(const std::vector<VolumeCopy>& copies, Deadline deadline,
                                       const CancelToken& cancel) {
    wait(copies, deadline, cancel, "has no point in time", &has_point_in_time);
}

void Snapshots::wait_until_ready(const std::vector<VolumeCopy>& copies, Deadline deadline,
                                 const CancelToken& cancel) {
    wait(copies, deadline, cancel, "is not ready to use", &is_ready);
}

Value Snapshots::keep(const VolumeCopy& copy) {
    const Value snapshot = world_.cluster.get({types::kVolumeSnapshots, ns_, copy.snapshot});
    const std::string name = snapshot.get("status", "boundVolumeSnapshotContentName").string_or("");
    const Value content = world_.cluster.get({types::kVolumeSnapshotContents, "", name});
    set_deletion_policy(world_, name, "Retain");
    const Value claim = world_.cluster.get({types::kPersistentVolumeClaims, ns_, copy.claim});
    Value kept;
    kept["claim"] = copy.claim;
    kept["snapshot"] = copy.snapshot;
    kept["content"] = name;
    kept["handle"] = content.get("status", "snapshotHandle");
    kept["driver"] = content.get("spec", "driver");
    if (content.get("spec", "volumeSnapshotClassName").is_string())
        kept["class"] = content.get("spec", "volumeSnapshotClassName");
    kept["restoreSize"] = snapshot.get("status", "restoreSize");
    kept["creationTime"] = snapshot.get("status", "creationTime");
    return kept;
}

void Snapshots::remove(const std::vector<VolumeCopy>& copies) {
    for (const VolumeCopy& copy : copies) {
        if (const auto snapshot =
                cluster::find_object(world_.cluster, {types::kVolumeSnapshots, ns_, copy.snapshot}))
            remove_snapshot(world_, *snapshot);
    }
}

void Snapshots::remove_all() {
    const cluster::ListOptions ours{.ns = ns_, .label_selector = std::string(kParentLabel) + "=" + parent_};
    try {
        for (const Value& snapshot : world_.cluster.list(types::kVolumeSnapshots, ours).items)
            remove_snapshot(world_, snapshot);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;  // the type is not served
    }
}

void remove_copy(run::World& world, const std::string& ns, const Value& kept) {
    const std::string content = kept["content"].string_or("");
    if (!content.empty()) {
        try {
            set_deletion_policy(world, content, "Delete");
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound) throw;
        }
    }
    cluster::remove_if_there(world.cluster, {types::kVolumeSnapshots, ns, kept["snapshot"].string_or("")});
    if (!content.empty())
        cluster::remove_if_there(world.cluster, {types::kVolumeSnapshotContents, "", content});
}

void offer_copy(run::World& world, const std::string& ns, const std::string& name, const std::string& parent,
                const Value& kept) {
    Value content;
    content["apiVersion"] = kApi;
    content["kind"] = "VolumeSnapshotContent";
    content["metadata"]["name"] = name;
    content["metadata"]["labels"][kParentLabel] = parent;
    content["spec"]["deletionPolicy"] = "Retain";
    content["spec"]["driver"] = kept["driver"];
    content["spec"]["source"]["snapshotHandle"] = kept["handle"];
    if (kept["class"].is_string()) content["spec"]["volumeSnapshotClassName"] = kept["class"];
    content["spec"]["volumeSnapshotRef"]["name"] = name;
    content["spec"]["volumeSnapshotRef"]["namespace"] = ns;
    cluster::create_unless_there(world.cluster, types::kVolumeSnapshotContents, content,
                                 {.field_manager = kManager});
    Value snapshot;
    snapshot["apiVersion"] = kApi;
    snapshot["kind"] = "VolumeSnapshot";
    snapshot["metadata"]["name"] = name;
    snapshot["metadata"]["namespace"] = ns;
    snapshot["metadata"]["labels"][kParentLabel] = parent;
    if (kept["class"].is_string()) snapshot["spec"]["volumeSnapshotClassName"] = kept["class"];
    snapshot["spec"]["source"]["volumeSnapshotContentName"] = name;
    cluster::create_unless_there(world.cluster, types::kVolumeSnapshots, snapshot,
                                 {.field_manager = kManager});
}

void withdraw_offer(run::World& world, const std::string& ns, const std::string& name) {
    cluster::remove_if_there(world.cluster, {types::kVolumeSnapshots, ns, name});
    cluster::remove_if_there(world.cluster, {types::kVolumeSnapshotContents, "", name});
}

}  // namespace fencepost::protect
