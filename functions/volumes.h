// PersistentVolumeClaims that a job Pod mounts, as the functions that work on files name them: a map of claim
// to mount path, or those of the subject's own Pods.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "run/function.h"

namespace fencepost::functions {

using Volumes = std::map<std::string, std::string>;  // claim: the path where it is mounted

// The claims of one Pod of the subject, where that Pod mounts them. Throws kInvalid where the subject is no
// StatefulSet or Deployment, kNotFound where it has no such Pod or the Pod no claims.
[[nodiscard]] Volumes volumes_of_pod(const run::RunContext& run, const std::string& pod);
// The claims of all Pods of the subject, each at <root>/<claim>. Errors as above.
[[nodiscard]] Volumes volumes_of_subject(const run::RunContext& run, const std::string& root);
// The names of the subject's Pods. Throws kInvalid where it is no StatefulSet or Deployment.
[[nodiscard]] std::vector<std::string> pods_of_subject(const run::RunContext& run);

// Adds the volumes to the Pod's spec and the mounts to its first container; read-only where the claim is
// ReadOnlyMany. Throws kNotFound for a claim that is not there, kInvalid for a path that is not absolute.
void mount_volumes(run::RunContext& run, Value& pod_spec, const std::string& ns, const Volumes& volumes);

// That the claim is there; `argument` is the place in the arguments that names it.
[[nodiscard]] run::Need claim_need(const std::string& claim, const std::string& ns,
                                   const std::string& argument);
// The same for each of the volumes, whose map stands at `argument`.
void add_volume_needs(std::vector<run::Need>& needs, const Volumes& volumes, const std::string& ns,
                      const std::string& argument);

}  // namespace fencepost::functions
