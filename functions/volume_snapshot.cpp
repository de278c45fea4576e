#include "functions/volume_snapshot.h"

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/idempotent.h"
#include "functions/poll.h"

namespace fencepost::functions {

namespace {

using cluster::ObjectKey;
namespace types = cluster::types;

constexpr const char* kAttempt = "fencepost.io/attempt";

std::string driver_error(const Value& snapshot) {
    const Value& error = snapshot.get("status", "error");
    return error.is_map() ? error["message"].string_or("an error without a message") : "";
}

bool is_ready(const Value& snapshot) {
    const Value& status = snapshot["status"];
    return status["readyToUse"].bool_or(false) && !status["creationTime"].is_nil();
}

std::string why_not_ready(const Value& snapshot) {
    if (const std::string error = driver_error(snapshot); !error.empty()) return error;
    if (!snapshot["status"].is_map()) return "no snapshot controller has looked at it yet";
    return "the driver has not finished it";
}

// Its present state; one that goes, or another of that name, is told as its deletion.
Value look_at(run::RunContext& run, const ObjectKey& key, const std::string& uid) {
    auto snapshot = find_object(run.world().cluster, key);
    if (!snapshot || cluster::uid_of(*snapshot) != uid ||
        !snapshot->get("metadata", "deletionTimestamp").is_nil()) {
        throw Error(ErrorKind::kNotFound, "VolumeSnapshot " + key.ns + "/" + key.name +
                                              " was deleted by somebody else before it was ready");
    }
    return std::move(*snapshot);
}

}  // namespace

bool ErrorPatience::is_over(bool has_error, SteadyTime now) {
    if (!has_error) failing_since_.reset();
    if (has_error && !failing_since_) failing_since_ = now;
    return failing_since_ && now - *failing_since_ >= kErrorPatience;
}

void require_snapshots(cluster::Cluster& cluster) {
    const auto& type = types::kVolumeSnapshots;
    if (cluster.find_type(type.group, type.version, type.resource)) return;
    throw Error(ErrorKind::kFailedPrecondition,
                "the cluster has no VolumeSnapshots (snapshot.storage.k8s.io/v1): install the external "
                "snapshotter's CustomResourceDefinitions and controller");
}

Value snapshot_class(cluster::Cluster& cluster, const std::string& name) {
    if (auto found = find_object(cluster, {types::kVolumeSnapshotClasses, "", name})) return *found;
    throw Error(ErrorKind::kInvalid, "there is no VolumeSnapshotClass '" + name + "'",
                "list them with: fencepost get volumesnapshotclasses");
}

void mark_as_made_by(const run::RunContext& run, Value& object) {
    object["metadata"]["annotations"][kAttempt] = run.job_pod_name("");
}

bool is_made_by(const run::RunContext& run, const Value& object) {
    return object.get("metadata", "annotations", kAttempt) == Value(run.job_pod_name(""));
}

Value wait_until_ready(run::RunContext& run, const Value& snapshot) {
    const ObjectKey key{types::kVolumeSnapshots, cluster::namespace_of(snapshot), cluster::name_of(snapshot)};
    const std::string uid = cluster::uid_of(snapshot);
    ErrorPatience patience;
    Value seen;
    std::string told;
    const bool is_done = poll_until(run, run.deadline(), [&] {
        seen = look_at(run, key, uid);
        if (is_ready(seen)) return true;
        const std::string error = driver_error(seen);
        if (!error.empty() && error != told)
            run.feed_error_output("VolumeSnapshot " + key.ns + "/" + key.name + ": " + error + "\n");
        told = error;
        const bool is_hopeless = patience.is_over(!error.empty(), run.world().clock.steady_now());
        if (is_hopeless && run.deadline() == kNoDeadline) {
            throw Error(ErrorKind::kFailedPrecondition,
                        "VolumeSnapshot " + key.ns + "/" + key.name + " failed for " +
                            std::to_string(kErrorPatience.count()) + " minutes: " + error,
                        "give the phase a timeout to wait longer");
        }
        return false;
    });
    if (is_done) return seen;
    throw Error(ErrorKind::kTimeout, "VolumeSnapshot " + key.ns + "/" + key.name +
                                         " is not ready in time: " + why_not_ready(seen));
}

bool tells_size(const Value& snapshot) {
    const std::string size = snapshot.get("status", "restoreSize").string_or("0");
    return parse_quantity(size) != 0;
}

Map snapshot_outputs(const Value& snapshot, const std::string& fallback_size) {
    Map outputs;
    outputs.set("name", cluster::name_of(snapshot));
    outputs.set("namespace", cluster::namespace_of(snapshot));
    outputs.set("restoreSize",
                tells_size(snapshot) ? snapshot.get("status", "restoreSize").as_string() : fallback_size);
    outputs.set("snapshotContent", snapshot.get("status", "boundVolumeSnapshotContentName").string_or(""));
    return outputs;
}

}  // namespace fencepost::functions
