// The volumes of a Pod as folders and files on this host: emptyDir below the Pod's folder (or in memory),
// Secrets in memory (0700 above them), ConfigMaps, downward API and projections as files, claims as their
// bound folder. Secrets and ConfigMaps are written when a container starts, not followed afterwards.
//
// Errors: NotReady (container_plan.h) for what may come; Error{kUnsupported} for volume types of real nodes.
// Thread safety: one thread at a time for one Pod.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "cluster/cluster.h"
#include "cluster/local/api_access.h"
#include "value/value.h"

namespace fencepost::cluster::local {

struct VolumeRoots {
    std::filesystem::path pod;     // data_dir/pods/<uid>
    std::filesystem::path memory;  // a folder in memory for this Pod; "" where the host has none
    std::filesystem::path claims;  // data_dir/volumes
};

// Where each volume lies; idempotent, so a restarted daemon or host simply does it again.
[[nodiscard]] std::map<std::string, std::filesystem::path> prepare_volumes(Cluster& cluster, const Value& pod,
                                                                           const VolumeRoots& roots);
// The files with which a Pod finds the API, kept as a Secret's are. Idempotent too.
[[nodiscard]] std::filesystem::path prepare_api_access(const Value& pod, const ApiAccess& access,
                                                       const VolumeRoots& roots);
void remove_volumes(const VolumeRoots& roots);

}  // namespace fencepost::cluster::local
