#include "protect/workloads.h"

#include <algorithm>

#include "cluster/cluster.h"

namespace fencepost::protect {
namespace {

bool has_condition(const Value& object, const char* type) {
    for (const Value& condition : object.get("status", "conditions").list_or_empty()) {
        if (condition["type"] == Value(type)) return condition["status"] == Value("True");
    }
    return false;
}

// The status may still be that of the spec before.
bool is_of_now(const Value& object) {
    const std::int64_t generation = object.get("metadata", "generation").int_or(0);
    return object.get("status", "observedGeneration").int_or(generation) >= generation;
}

// As a StatefulSet names the claims that it makes: TEMPLATE-SET-ORDINAL.
bool is_made_of(const std::string& claim, const std::string& stem) {
    return claim.size() > stem.size() && claim.starts_with(stem) &&
           claim.find_first_not_of("0123456789", stem.size()) == std::string::npos;
}

}  // namespace

bool is_ready(const std::string& kind, const Value& object) {
    const Value& status = object["status"];
    if (kind == "StatefulSet" || kind == "Deployment" || kind == "ReplicaSet")
        return is_of_now(object) &&
               status["readyReplicas"].int_or(0) >= object.get("spec", "replicas").int_or(1);
    if (kind == "DaemonSet")
        return is_of_now(object) &&
               status["numberReady"].int_or(0) >= status["desiredNumberScheduled"].int_or(1);
    if (kind == "Pod") return has_condition(object, "Ready") || status["phase"] == Value("Succeeded");
    return true;
}

std::set<std::string> claims_of_pod(const Value& pod, const std::set<std::string>& claims) {
    std::set<std::string> used;
    for (const Value& volume : pod.get("spec", "volumes").list_or_empty()) {
        const std::string name = volume.get("persistentVolumeClaim", "claimName").string_or("");
        if (claims.contains(name)) used.insert(name);
    }
    return used;
}

std::set<std::string> claims_used_by(const Value& workload, const std::set<std::string>& claims) {
    std::set<std::string> used = claims_of_pod(workload.get("spec", "template"), claims);
    for (const Value& made : workload.get("spec", "volumeClaimTemplates").list_or_empty()) {
        const std::string stem = cluster::name_of(made) + "-" + cluster::name_of(workload) + "-";
        std::copy_if(claims.begin(), claims.end(), std::inserter(used, used.end()),
                     [&](const std::string& claim) { return is_made_of(claim, stem); });
    }
    return used;
}

}  // namespace fencepost::protect
