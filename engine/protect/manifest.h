// An object as a restore point keeps it: what somebody asked for, without what the cluster made of it, and
// without what held only for the moment of the backup, above all the fence. Pure; thread-safe.
#pragma once

#include <string>
#include <utility>

#include "cluster/cluster.h"

namespace fencepost::protect {

// False for what comes back by itself with what it belongs to (an owned Pod, EndpointSlices, the CA's
// ConfigMap) or says nothing to anybody later (Events, Leases, actions).
[[nodiscard]] bool is_captured(const cluster::ResourceDescription& type, const Value& object);
[[nodiscard]] bool is_captured(const cluster::ResourceType& type);  // false: no object of the type

// Fit to be created again, in whichever namespace: with its kind, name, labels, annotations and what was
// asked for. Owner references stay, by name; who creates it puts the new owners' uids in.
[[nodiscard]] Value manifest_of(const cluster::ResourceDescription& type, const Value& object);

// Of "apps/v1"; the core group's is "".
[[nodiscard]] std::pair<std::string, std::string> group_and_version(const std::string& api_version);

}  // namespace fencepost::protect
