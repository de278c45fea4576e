// StatefulSets: Pods NAME-0 ... NAME-(n-1), each with its claims, started in order (or all at once with
// podManagementPolicy: Parallel), ended from the last.
#include <charconv>
#include <map>

#include "base/error.h"
#include "cluster/local/controllers/controllers.h"
#include "cluster/local/controllers/workloads.h"

namespace fencepost::cluster::local {
namespace {

constexpr const char* kRevisionLabel = "controller-revision-hash";

std::int64_t ordinal_of(const Value& pod, const Value& set) {
    const std::string name = name_of(pod);
    const std::string prefix = name_of(set) + "-";
    std::int64_t ordinal = -1;
    if (name.starts_with(prefix))
        std::from_chars(name.data() + prefix.size(), name.data() + name.size(), ordinal);
    return ordinal;
}

class StatefulSets final : public Reconciler {
  public:
    explicit StatefulSets(Cluster& cluster) : cluster_(cluster) {}

    [[nodiscard]] bool wants(const Change& change) const override {
        return (change.key.type == types::kStatefulSets && change.after) || change.key.type == types::kPods;
    }

    void reconcile(const Change& change) override {
        if (change.key.type == types::kStatefulSets) return bring_about(*change.after);
        const Value& pod = change.after ? *change.after : *change.before;
        for (const Value& owner : pod.get("metadata", "ownerReferences").list_or_empty()) {
            if (owner["kind"].string_or("") != "StatefulSet") continue;
            for (const Value& set : cluster_.list(types::kStatefulSets, {.ns = change.key.ns}).items) {
                if (is_controlled_by(pod, set)) bring_about(set);
            }
        }
    }

  private:
    void bring_about(const Value& stale) {
        const Value set = cluster_.get({types::kStatefulSets, namespace_of(stale), name_of(stale)});
        if (is_leaving(set)) return;
        const std::int64_t replicas = set.get("spec", "replicas").int_or(1);
        const bool in_order =
            set.get("spec", "podManagementPolicy").string_or("OrderedReady") == "OrderedReady";
        std::map<std::int64_t, Value> pods;
        for (Value& pod : controlled(cluster_, types::kPods, set))
            pods[ordinal_of(pod, set)] = std::move(pod);
        write_status(cluster_, types::kStatefulSets, set, status_of(set, pods));

        // From the last: one at a time, and only while those before it are there.
        for (auto it = pods.rbegin(); it != pods.rend() && it->first >= replicas; ++it) {
            if (!is_leaving(it->second)) remove_object(cluster_, types::kPods, it->second);
            if (in_order) return;
        }
        const std::string hash = template_hash(set.get("spec", "template"));
        for (std::int64_t ordinal = 0; ordinal < replicas; ++ordinal) {
            const auto found = pods.find(ordinal);
            if (found == pods.end()) {
                create_claims(set, ordinal);
                create_if_absent(cluster_, types::kPods, make_pod(set, ordinal, hash));
                if (in_order) return;
            } else if (is_finished(found->second) && !is_leaving(found->second)) {
                remove_object(cluster_, types::kPods, found->second);
                return;
            } else if (in_order && (!is_ready(found->second) || is_leaving(found->second))) {
                return;
            }
        }
        update_one(set, pods, hash);
    }

    // A rolling update: the highest ordinal with an old template is made anew.
    void update_one(const Value& set, const std::map<std::int64_t, Value>& pods, const std::string& hash) {
        if (set.get("spec", "updateStrategy", "type").string_or("RollingUpdate") != "RollingUpdate") return;
        for (auto it = pods.rbegin(); it != pods.rend(); ++it) {
            if (it->second.get("metadata", "labels", kRevisionLabel).string_or("") ==
                name_of(set) + "-" + hash)
                continue;
            if (!is_leaving(it->second)) remove_object(cluster_, types::kPods, it->second);
            return;
        }
    }

    static Value status_of(const Value& set, const std::map<std::int64_t, Value>& pods) {
        std::int64_t ready = 0;
        std::int64_t present = 0;
        std::int64_t updated = 0;
        const std::string revision = name_of(set) + "-" + template_hash(set.get("spec", "template"));
        for (const auto& [ordinal, pod] : pods) {
            ++present;
            if (is_ready(pod) && !is_leaving(pod)) ++ready;
            if (pod.get("metadata", "labels", kRevisionLabel).string_or("") == revision) ++updated;
        }
        Value status;
        status["observedGeneration"] = set.get("metadata", "generation");
        status["replicas"] = present;
        status["readyReplicas"] = ready;
        status["availableReplicas"] = ready;
        status["updatedReplicas"] = updated;
        status["currentReplicas"] = updated;
        status["currentRevision"] = revision;
        status["updateRevision"] = revision;
        return status;
    }

    void create_claims(const Value& set, std::int64_t ordinal) {
        for (const Value& claim_template : set.get("spec", "volumeClaimTemplates").list_or_empty()) {
            Value claim = claim_template;
            claim["metadata"]["name"] =
                name_of(claim_template) + "-" + name_of(set) + "-" + std::to_string(ordinal);
            claim["metadata"]["namespace"] = namespace_of(set);
            for (const auto& [key, value] : set.get("spec", "selector", "matchLabels").map_or_empty())
                claim["metadata"]["labels"][key] = value;
            create_if_absent(cluster_, types::kPersistentVolumeClaims, claim);
        }
    }

    static Value make_pod(const Value& set, std::int64_t ordinal, const std::string& hash) {
        const std::string name = name_of(set) + "-" + std::to_string(ordinal);
        Value pod = pod_from(set.get("spec", "template"), set);
        pod["metadata"]["name"] = name;
        pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = name;
        pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] = std::to_string(ordinal);
        pod["metadata"]["labels"][kRevisionLabel] = name_of(set) + "-" + hash;
        pod["spec"]["hostname"] = name;
        pod["spec"]["subdomain"] = set.get("spec", "serviceName").string_or("");
        for (const Value& claim : set.get("spec", "volumeClaimTemplates").list_or_empty()) {
            Value volume;
            volume["name"] = name_of(claim);
            volume["persistentVolumeClaim"]["claimName"] = name_of(claim) + "-" + name;
            pod["spec"]["volumes"].push_back(std::move(volume));
        }
        return pod;
    }

    Cluster& cluster_;
};

}  // namespace

std::unique_ptr<Reconciler> stateful_sets(Cluster& cluster) {
    return std::make_unique<StatefulSets>(cluster);
}

}  // namespace fencepost::cluster::local
