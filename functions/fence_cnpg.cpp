// One replica of a CloudNativePG Cluster, fenced by the Cluster's annotation cnpg.io/fencedInstances: the
// manager in the instance's Pod shuts PostgreSQL down and keeps it down while the Pod stays. The Pod's
// readiness follows up to half a minute later; what counts is what pg_controldata says.
#include <optional>

#include "base/error.h"
#include "functions/fence.h"
#include "functions/poll.h"
#include "functions/replica.h"
#include "run/args.h"
#include "run/listed_entry.h"

namespace fencepost::functions {

namespace {

namespace types = cluster::types;

const cluster::ResourceType kClusters{"postgresql.cnpg.io", "v1", "clusters"};
constexpr std::string_view kFenced = "cnpg.io/fencedInstances";
constexpr std::string_view kHibernation = "cnpg.io/hibernation";
constexpr const char* kContainer = "postgres";
constexpr const char* kReplayed = "select pg_last_wal_replay_lsn() - '0/0'";

cluster::ObjectKey cluster_key(const Value& args) {
    return {kClusters, run::string_arg(args, "namespace"), run::string_arg(args, "cluster")};
}

bool has_condition(const Value& object, std::string_view type) {
    for (const Value& condition : object.get("status", "conditions").list_or_empty()) {
        if (condition["type"].string_or("") == type) return condition["status"].string_or("") == "True";
    }
    return false;
}

bool is_ready(const Value& pod) { return has_condition(pod, "Ready"); }

ExecTarget postgres_of(const Value& pod) {
    return {cluster::namespace_of(pod), cluster::name_of(pod), kContainer, cluster::uid_of(pod)};
}

// With one more down there may be none left that a synchronous commit can wait for.
void require_no_fence(const cluster::ObjectKey& key, const Value& cluster) {
    if (run::listed_in(cluster, kFenced).empty()) return;
    throw Error(ErrorKind::kFailedPrecondition,
                "the Cluster " + key.ns + "/" + key.name + " has fenced instances already: " +
                    cluster.get("metadata", "annotations", kFenced).string_or(""),
                "they stay as they are: only who fenced them knows when they may go");
}

// The one of them that has replayed most; the others have lost the least if it is they that stay.
Value choose_replica(run::RunContext& run, const Value& args) {
    const cluster::ObjectKey key = cluster_key(args);
    std::string selector = "cnpg.io/cluster=" + key.name + ",cnpg.io/instanceRole=replica";
    if (const std::string more = run::string_arg(args, "labelSelector"); !more.empty())
        selector += "," + more;
    std::optional<Value> best;
    std::int64_t most = -1;
    std::string reasons;
    for (const Value& pod :
         run.world().cluster.list(types::kPods, {.ns = key.ns, .label_selector = selector}).items) {
        const std::string name = cluster::name_of(pod);
        try {
            if (!is_ready(pod)) throw Error(ErrorKind::kFailedPrecondition, "it is not ready");
            check_replica(run, args, postgres_of(pod));
            const std::int64_t replayed = std::stoll(query(run, args, postgres_of(pod), kReplayed));
            if (replayed <= most) continue;
            most = replayed;
            best = pod;
        } catch (const Error& e) {
            reasons += "; " + name + ": " + e.what();
        }
    }
    if (best) return *best;
    throw Error(ErrorKind::kFailedPrecondition,
                "no replica of the Cluster " + key.ns + "/" + key.name + " can be fenced" +
                    (reasons.empty() ? ": no pod matches '" + selector + "'" : reasons),
                "its primary is never fenced: what uses the database would stand still");
}

// What pg_controldata says, once PostgreSQL has ended cleanly.
std::string wait_until_shut_down(run::RunContext& run, const Value& pod, const run::ListedEntry& entry,
                                 const std::string& obligation) {
    std::string control;
    std::string error;
    const bool is_down = poll_until(run, run.deadline(), [&] {
        control.clear();
        error = exec_in_pod(run, postgres_of(pod), {"sh", "-c", kControlFile},
                            [&](std::string_view bytes) { control += bytes; });
        if (!run::is_still_listed(run.world().cluster.get(entry.object), entry, obligation)) {
            throw Error(ErrorKind::kFailedPrecondition,
                        "the fence of " + entry.entry + " was lifted while it was being placed");
        }
        return error.empty() && control_value(control, kState).starts_with("shut down");
    });
    if (is_down) return control;
    throw Error(ErrorKind::kTimeout,
                "PostgreSQL of instance " + cluster::name_of(pod) + " was not shut down in time: " +
                    (error.empty() ? "its state is '" + control_value(control, kState) + "'"
                                   : "it runs, or " + error),
                "give the phase a longer timeout than the Cluster's spec.stopDelay");
}

}  // namespace

void fence_cnpg_replica(run::RunContext& run, const Value& args, Fenced& fenced) {
    const cluster::ObjectKey key = cluster_key(args);
    if (key.name.empty()) throw Error(ErrorKind::kInvalid, "Fence needs a cluster in mode cnpg");
    cluster::Cluster& cluster = run.world().cluster;
    const Value object = cluster.get(key);
    if (has_condition(object, kHibernation)) {
        run.feed_output("the Cluster " + key.name + " is hibernated: its PostgreSQL is shut down already\n");
        return;
    }
    require_no_fence(key, object);
    const Value pod = choose_replica(run, args);
    const run::ListedEntry entry{.object = key,
                                 .uid = cluster::uid_of(object),
                                 .annotation = std::string(kFenced),
                                 .entry = cluster::name_of(pod)};
    run::ObligationRequest request = obligation_for(args, pod, "fence", "is fenced");
    request.details["listedEntry"] = entry.to_value();
    const std::string id = run.incur(request);
    run::list_entry(cluster, entry, id, run.cancel());
    const std::string control = wait_until_shut_down(run, pod, entry, id);
    run.feed_output(control);
    fenced.note(control);
    fenced.add(pod, id);
}

std::vector<run::Need> cnpg_needs(const Value& args) {
    const cluster::ObjectKey key = cluster_key(args);
    std::vector<run::Need> needs;
    for (const char* verb : {"get", "update"}) {
        needs.push_back({.verb = verb,
                         .type = key.type,
                         .ns = key.ns,
                         .name = key.name,
                         .object = run::Need::Object::kThere,
                         .argument = "/cluster"});
    }
    return needs;
}

}  // namespace fencepost::functions
