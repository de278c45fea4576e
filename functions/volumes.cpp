#include "functions/volumes.h"

#include <algorithm>

#include "base/error.h"
#include "value/json.h"

namespace fencepost::functions {

namespace {

namespace types = cluster::types;

// What the templates know of the subject's workload, which has what is wanted.
Value workload(const run::RunContext& run, const std::string& wanted) {
    for (const char* text : {"{{ toJson .StatefulSet }}", "{{ toJson .Deployment }}"}) {
        Value params = parse_json(run.render(Value(text)).as_string());
        if (params.is_map()) return params;
    }
    throw Error(ErrorKind::kInvalid,
                "Failed to get " + wanted + ": the subject is no StatefulSet or Deployment",
                "name the volumes or Pods in the phase's arguments");
}

}  // namespace

std::vector<std::string> pods_of_subject(const run::RunContext& run) {
    std::vector<std::string> pods;
    const Value subject = workload(run, "pods");
    for (const Value& pod : subject["Pods"].list_or_empty()) pods.push_back(pod.as_string());
    return pods;
}

Volumes volumes_of_pod(const run::RunContext& run, const std::string& pod) {
    Volumes volumes;
    const Value subject = workload(run, "volumes");
    for (const Member& claim : subject.get("PersistentVolumeClaims", pod).map_or_empty())
        volumes[claim.key] = claim.value.as_string();
    if (volumes.empty()) {
        throw Error(ErrorKind::kNotFound, "No volumes found: pod '" + pod +
                                              "' is none of the subject's, or mounts no "
                                              "PersistentVolumeClaim");
    }
    return volumes;
}

Volumes volumes_of_subject(const run::RunContext& run, const std::string& root) {
    Volumes volumes;
    const Value subject = workload(run, "volumes");
    for (const Member& pod : subject["PersistentVolumeClaims"].map_or_empty()) {
        for (const Member& claim : pod.value.map_or_empty()) volumes[claim.key] = root + "/" + claim.key;
    }
    if (volumes.empty()) {
        throw Error(ErrorKind::kNotFound,
                    "No volumes found: the subject's Pods mount no PersistentVolumeClaim");
    }
    return volumes;
}

void mount_volumes(run::RunContext& run, Value& pod_spec, const std::string& ns, const Volumes& volumes) {
    int number = 0;
    for (const auto& [claim, path] : volumes) {
        if (!path.starts_with('/')) {
            throw Error(ErrorKind::kInvalid,
                        "the mount path '" + path + "' of volume '" + claim + "' is not absolute");
        }
        Value pvc;
        try {
            pvc = run.world().cluster.get({types::kPersistentVolumeClaims, ns, claim});
        } catch (Error& error) {
            error.add_trace("Failed to retrieve PVC");
            throw;
        }
        const List& modes = pvc.get("spec", "accessModes").list_or_empty();
        const bool is_read_only = std::find(modes.begin(), modes.end(), Value("ReadOnlyMany")) != modes.end();
        const std::string name = "vol-" + std::to_string(number++);
        Value volume;
        volume["name"] = name;
        volume["persistentVolumeClaim"]["claimName"] = claim;
        if (is_read_only) volume["persistentVolumeClaim"]["readOnly"] = true;
        pod_spec["volumes"].push_back(std::move(volume));
        Value mount;
        mount["name"] = name;
        mount["mountPath"] = path;
        if (is_read_only) mount["readOnly"] = true;
        pod_spec["containers"].writable_list().at(0)["volumeMounts"].push_back(std::move(mount));
    }
}

run::Need claim_need(const std::string& claim, const std::string& ns, const std::string& argument) {
    return {.verb = "get",
            .type = types::kPersistentVolumeClaims,
            .ns = ns,
            .name = claim,
            .object = run::Need::Object::kThere,
            .argument = argument};
}

void add_volume_needs(std::vector<run::Need>& needs, const Volumes& volumes, const std::string& ns,
                      const std::string& argument) {
    for (const auto& [claim, path] : volumes) needs.push_back(claim_need(claim, ns, argument + "/" + claim));
}

}  // namespace fencepost::functions
