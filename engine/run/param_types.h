// The Go types that Kanister's templates see: param.TemplateParams and what hangs below it. Field names,
// order and JSON names are Kanister's (pkg/param) and Kubernetes' (core/v1). Makers copy from the objects'
// JSON; what an object lacks is the field's zero value. Pure; thread-safe.
#pragma once

#include <map>
#include <string>

#include "model/objects.h"
#include "value/value.h"

namespace fencepost::run {

// What launch found out about an action's subject and inputs; everything a template may see but phases.
struct LaunchParams {
    Value stateful_set, deployment, pvc, ns;  // made by workload() and reference(), or nil
    std::map<std::string, model::Artifact> artifacts;
    std::map<std::string, Value> config_maps, secrets;  // the objects
    std::string time;
    Value profile;  // made by profile(), or nil
    std::map<std::string, std::string> options;
    Value object;
    Value pod_override;
    std::map<std::string, std::string> pod_labels, pod_annotations;
};

struct PhaseParams {
    std::map<std::string, Value> secrets, config_maps;  // the objects
    Value output;                                       // nil or a map
};

[[nodiscard]] Value template_params(const LaunchParams& launch,
                                    const std::map<std::string, PhaseParams>& phases,
                                    const PhaseParams* defer_phase);

struct WorkloadPods {
    std::vector<std::string> pods;
    std::vector<std::vector<std::string>> containers;
    std::map<std::string, std::map<std::string, std::string>> claims;  // pod -> claim -> mount path
};
enum class Workload { kStatefulSet, kDeployment };
[[nodiscard]] Value workload(Workload kind, const std::string& name, const std::string& ns,
                             const WorkloadPods& pods);
enum class Named { kPvc, kNamespace };
[[nodiscard]] Value reference(Named kind, const std::string& name, const std::string& ns);

// {{ toJson .Profile }} is what kando reads; Fencepost's own members are left out where they are empty.
struct ProfileSecrets {
    std::string id, secret;   // of a key pair
    Value credential_secret;  // the object, where the credential is a typed Secret
    std::string repository_key;
};
[[nodiscard]] Value profile(const model::Profile& profile, const ProfileSecrets& secrets);

}  // namespace fencepost::run
