// What restores have to know of workloads: whether one is ready, and which claims its Pods use. Pure;
// thread-safe.
#pragma once

#include <set>
#include <string>

#include "value/value.h"

namespace fencepost::protect {

// True for every kind that does not say.
[[nodiscard]] bool is_ready(const std::string& kind, const Value& object);

// Those of `claims`, which are names, that the Pods of a Deployment, StatefulSet, ReplicaSet or DaemonSet
// would use.
[[nodiscard]] std::set<std::string> claims_used_by(const Value& workload,
                                                   const std::set<std::string>& claims);
// And those that a Pod does.
[[nodiscard]] std::set<std::string> claims_of_pod(const Value& pod, const std::set<std::string>& claims);

}  // namespace fencepost::protect
