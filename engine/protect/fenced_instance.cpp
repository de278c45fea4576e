#include "protect/fenced_instance.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/human.h"
#include "model/cluster_instance.h"
#include "protect/restore_point.h"

namespace fencepost::protect {
namespace {

bool is_fence(const Value& phase) { return phase["func"] == Value("Fence"); }

const List& prehook_of(const Value& blueprint) {
    return blueprint.get("actions", "backupPrehook", "phases").list_or_empty();
}

// The Pods that its fences have named. An instance's Pod has the instance's name.
std::set<std::string> fenced_pods(const Value& blueprint, const Value& phases) {
    std::set<std::string> fences, pods;
    for (const Value& phase : prehook_of(blueprint)) {
        if (is_fence(phase)) fences.insert(phase["name"].string_or(""));
    }
    for (const Value& phase : phases.list_or_empty()) {
        if (!fences.contains(phase["name"].string_or(""))) continue;
        std::istringstream words(phase.get("output", "pod").string_or(""));
        for (std::string pod; words >> pod;) pods.insert(pod);
    }
    return pods;
}

// `kept` takes the resource's place in the plan; `others` are claims that are no longer of it, with their
// instances.
void leave_out(ActionStatus& status, const Value& kept, const std::map<std::string, std::string>& others) {
    Value& plan = status.change_record()["plan"];
    for (Value& resource : plan["resources"].writable_list()) {
        if (label_of(resource) == label_of(kept)) resource = kept;
    }
    for (const auto& [claim, instance] : others) {
        Value skipped(Map{{"apiVersion", "v1"}, {"resource", "persistentvolumeclaims"}, {"name", claim}});
        skipped["namespace"] = kept["namespace"];
        skipped["reason"] = "the instance " + instance + " was not fenced";
        plan["skipped"].push_back(std::move(skipped));
    }
    Value& objects = status.change()["objects"];
    objects = objects.int_or(0) - static_cast<std::int64_t>(others.size());
    status.change()["plan"] = plan;
}

}  // namespace

bool is_fencing(const Value& blueprint) {
    const List& phases = prehook_of(blueprint);
    return std::any_of(phases.begin(), phases.end(), is_fence);
}

std::string instance_of(const Value& claim, const std::string& cluster) {
    const model::ClusterInstance found = model::instance_of(claim);
    return found.cluster == cluster ? found.instance : "";
}

Value keep_fenced(ActionStatus& status, const Value& resource, const Value& phases) {
    const Map& instances = resource["instances"].map_or_empty();
    if (instances.empty()) return resource["claims"];
    const std::set<std::string> fenced =
        fenced_pods(status.record().get("blueprints", resource["blueprint"].string_or("")), phases);
    if (fenced.empty()) {
        if (instances.size() > 1)
            status.add_exception(label_of(resource) +
                                 ": backupPrehook fenced no instance, so the volumes of all " +
                                 std::to_string(instances.size()) + " are copied");
        return resource["claims"];
    }
    Value kept = resource;
    std::map<std::string, std::string> others;
    for (const Member& instance : instances) {
        if (fenced.contains(instance.key)) continue;
        for (const Value& claim : instance.value.list_or_empty()) others[claim.string_or("")] = instance.key;
        kept["instances"].erase(instance.key);
    }
    if (std::as_const(kept)["instances"].map_or_empty().empty()) {
        throw Error(ErrorKind::kFailedPrecondition,
                    label_of(resource) + ": no volume of what backupPrehook fenced (" +
                        joined({fenced.begin(), fenced.end()}, ", ") + ") is in the plan",
                    "back up again; do the filters leave it out?");
    }
    std::erase_if(kept["claims"].writable_list(),
                  [&](const Value& claim) { return others.contains(claim.string_or("")); });
    if (!others.empty()) leave_out(status, kept, others);
    return kept["claims"];
}

}  // namespace fencepost::protect
