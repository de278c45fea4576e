// Deployments keep a ReplicaSet for their present template and scale the earlier ones down as it becomes
// ready; ReplicaSets keep so many Pods.
#include <algorithm>

#include "base/error.h"
#include "cluster/local/controllers/controllers.h"
#include "cluster/local/controllers/workloads.h"

namespace fencepost::cluster::local {
namespace {

constexpr const char* kHashLabel = "pod-template-hash";

std::int64_t replicas_of(const Value& object) { return object.get("spec", "replicas").int_or(1); }
std::int64_t ready_of(const Value& object) { return object.get("status", "readyReplicas").int_or(0); }

class ReplicaSets final : public Reconciler {
  public:
    explicit ReplicaSets(Cluster& cluster) : cluster_(cluster) {}
    [[nodiscard]] bool wants(const Change& change) const override {
        return (change.key.type == types::kReplicaSets && change.after) || change.key.type == types::kPods;
    }
    void reconcile(const Change& change) override {
        if (change.key.type == types::kReplicaSets) return bring_about(*change.after);
        const Value& pod = change.after ? *change.after : *change.before;
        for (const Value& owner : pod.get("metadata", "ownerReferences").list_or_empty()) {
            if (owner["kind"].string_or("") == "ReplicaSet") {
                bring_about(cluster_.get({types::kReplicaSets, change.key.ns, owner["name"].string_or("")}));
            }
        }
    }

  private:
    void bring_about(const Value& stale) {
        const Value set = cluster_.get({types::kReplicaSets, namespace_of(stale), name_of(stale)});
        if (is_leaving(set)) return;
        std::vector<Value> pods = controlled(cluster_, types::kPods, set);
        std::erase_if(pods, [](const Value& pod) { return is_leaving(pod) || is_finished(pod); });
        const auto wanted = static_cast<std::size_t>(std::max<std::int64_t>(0, replicas_of(set)));
        for (std::size_t i = pods.size(); i < wanted; ++i) {
            Value pod = pod_from(set.get("spec", "template"), set);
            pod["metadata"]["generateName"] = name_of(set) + "-";
            cluster_.create(types::kPods, pod);
        }
        // Those that are not ready go first.
        std::stable_sort(pods.begin(), pods.end(),
                         [](const Value& a, const Value& b) { return is_ready(a) > is_ready(b); });
        for (std::size_t i = wanted; i < pods.size(); ++i) remove_object(cluster_, types::kPods, pods[i]);
        const auto ready = static_cast<std::int64_t>(std::count_if(pods.begin(), pods.end(), &is_ready));
        Value status;
        status["observedGeneration"] = set.get("metadata", "generation");
        status["replicas"] = static_cast<std::int64_t>(pods.size());
        status["readyReplicas"] = ready;
        status["availableReplicas"] = ready;
        write_status(cluster_, types::kReplicaSets, set, status);
    }
    Cluster& cluster_;
};

class Deployments final : public Reconciler {
  public:
    explicit Deployments(Cluster& cluster) : cluster_(cluster) {}
    [[nodiscard]] bool wants(const Change& change) const override {
        return (change.key.type == types::kDeployments && change.after) ||
               change.key.type == types::kReplicaSets;
    }
    void reconcile(const Change& change) override {
        if (change.key.type == types::kDeployments) return bring_about(*change.after);
        const Value& set = change.after ? *change.after : *change.before;
        for (const Value& owner : set.get("metadata", "ownerReferences").list_or_empty()) {
            if (owner["kind"].string_or("") == "Deployment") {
                bring_about(cluster_.get({types::kDeployments, change.key.ns, owner["name"].string_or("")}));
            }
        }
    }

  private:
    void bring_about(const Value& stale) {
        const Value deployment = cluster_.get({types::kDeployments, namespace_of(stale), name_of(stale)});
        if (is_leaving(deployment)) return;
        const std::string hash = template_hash(deployment.get("spec", "template"));
        const std::string name = name_of(deployment) + "-" + hash;
        const std::vector<Value> sets = controlled(cluster_, types::kReplicaSets, deployment);
        const auto current =
            std::find_if(sets.begin(), sets.end(), [&](const Value& set) { return name_of(set) == name; });
        if (current == sets.end()) {
            create_if_absent(cluster_, types::kReplicaSets, make_set(deployment, name, hash));
        } else if (replicas_of(*current) != replicas_of(deployment)) {
            scale(*current, replicas_of(deployment));
        }
        const bool is_up = current != sets.end() && ready_of(*current) >= replicas_of(deployment);
        const bool recreates = deployment.get("spec", "strategy", "type").string_or("") == "Recreate";
        Value status;
        std::int64_t replicas = 0;
        std::int64_t ready = 0;
        for (const Value& set : sets) {
            replicas += set.get("status", "replicas").int_or(0);
            ready += ready_of(set);
            if (name_of(set) != name && (is_up || recreates) && replicas_of(set) > 0) scale(set, 0);
        }
        status["observedGeneration"] = deployment.get("metadata", "generation");
        status["replicas"] = replicas;
        status["readyReplicas"] = ready;
        status["availableReplicas"] = ready;
        status["updatedReplicas"] = current == sets.end() ? 0 : current->get("status", "replicas").int_or(0);
        write_status(cluster_, types::kDeployments, deployment, status);
    }

    static Value make_set(const Value& deployment, const std::string& name, const std::string& hash) {
        Value set;
        set["metadata"]["name"] = name;
        set["metadata"]["namespace"] = namespace_of(deployment);
        set["metadata"]["labels"] = deployment.get("spec", "template", "metadata", "labels");
        set["metadata"]["labels"][kHashLabel] = hash;
        set["metadata"]["ownerReferences"] = List{controller_reference(deployment)};
        set["spec"]["replicas"] = replicas_of(deployment);
        set["spec"]["selector"] = deployment.get("spec", "selector");
        set["spec"]["selector"]["matchLabels"][kHashLabel] = hash;
        set["spec"]["template"] = deployment.get("spec", "template");
        set["spec"]["template"]["metadata"]["labels"][kHashLabel] = hash;
        return set;
    }

    void scale(const Value& set, std::int64_t replicas) {
        Value patch;
        patch["spec"]["replicas"] = replicas;
        cluster_.patch({types::kReplicaSets, namespace_of(set), name_of(set)}, PatchType::kMerge, patch);
    }
    Cluster& cluster_;
};

}  // namespace

std::unique_ptr<Reconciler> replica_sets(Cluster& cluster) { return std::make_unique<ReplicaSets>(cluster); }
std::unique_ptr<Reconciler> deployments(Cluster& cluster) { return std::make_unique<Deployments>(cluster); }

}  // namespace fencepost::cluster::local
