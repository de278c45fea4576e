// Who asked for an action of group fencepost.io: an annotation, which the restore point of a backup repeats.
// The one that lets a client in writes it, by the name that it knows the client under: the REST API, the
// embedded cluster's API, and on Kubernetes the client itself, whom the chart's admission policy lets tell
// nothing but its own name. Pure; thread-safe.
#pragma once

#include <string>

#include "cluster/cluster.h"

namespace fencepost::cluster {

inline constexpr const char* kRequestedBy = "fencepost.io/requested-by";

[[nodiscard]] bool has_requester(const ResourceDescription& type);  // whether it is such an action
[[nodiscard]] std::string requester_of(const Value& object);        // "": not known
void set_requester(Value& object, const std::string& who);          // "" takes it away

}  // namespace fencepost::cluster
