// What a Cluster of EDB's operator says about stopping one of its instances. The published pre-backup command
// lists the instance in the Cluster's annotation of fenced ones, the post-backup command takes it off;
// neither asks who else has fenced what.

#include "base/error.h"
#include "cluster/idempotent.h"
#include "functions/fence.h"

namespace fencepost::functions {

namespace {

const cluster::ResourceType kClusters{"postgresql.k8s.enterprisedb.io", "v1", "clusters"};
constexpr std::string_view kClusterLabel = "k8s.enterprisedb.io/cluster";
constexpr const char* kFenced = "k8s.enterprisedb.io/fencedInstances";
constexpr std::string_view kColdOnPrimary = "k8s.enterprisedb.io/snapshotAllowColdBackupOnPrimary";

bool is_primary(const Value& pod) {
    const Value& labels = pod.get("metadata", "labels");
    return labels["k8s.enterprisedb.io/instanceRole"].string_or(labels["role"].string_or("")) == "primary";
}

// EDB's documentation writes both.
bool allows_cold_primary(const Value& cluster) {
    const std::string word = cluster.get("metadata", "annotations", kColdOnPrimary).string_or("");
    return word == "enabled" || word == "true";
}

}  // namespace

std::optional<run::ListedEntry> edb_entry(run::RunContext& run, const Value& pod) {
    const std::string name = pod.get("metadata", "labels", kClusterLabel).string_or("");
    if (name.empty()) return std::nullopt;
    const cluster::ObjectKey key{kClusters, cluster::namespace_of(pod), name};
    const auto found = cluster::find_object(run.world().cluster, key);
    if (!found) return std::nullopt;
    const Value& cluster = *found;
    const std::string instance = cluster::name_of(pod);
    if (!run::listed_in(cluster, kFenced).empty()) {
        throw Error(
            ErrorKind::kFailedPrecondition,
            "the Cluster " + key.ns + "/" + name + " has fenced instances already: " +
                cluster.get("metadata", "annotations", kFenced).string_or(""),
            "they stay as they are: only who fenced them knows when they may go; remove the annotation " +
                std::string(kFenced) + " where nobody needs it");
    }
    if (is_primary(pod) && !allows_cold_primary(cluster)) {
        throw Error(ErrorKind::kFailedPrecondition,
                    "instance " + instance + " is the primary of the Cluster " + key.ns + "/" + name +
                        ": what uses the database would stand still while it is stopped",
                    "let the operator elect a replica, or allow it with the annotation " +
                        std::string(kColdOnPrimary) + ": enabled");
    }
    return run::ListedEntry{
        .object = key, .uid = cluster::uid_of(cluster), .annotation = kFenced, .entry = instance};
}

}  // namespace fencepost::functions
