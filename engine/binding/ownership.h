// Who owns whom: the chain of owner references above an object (Pod, ReplicaSet, Deployment), and the claims
// that stand below one: the PersistentVolumeClaims of running Pods whose chain leads to it. A blueprint that
// is bound to any link of the chain governs those claims. Thread-safe; errors are the cluster's.
#pragma once

#include <string>
#include <vector>

#include "cluster/cluster.h"

namespace fencepost::binding {

inline constexpr std::size_t kMaxOwners = 16;  // above one object; longer chains are cut

struct Owner {
    cluster::ResourceDescription type;
    Value object;
};

// Nearest first. The controller reference is followed, or the only one there is; an owner that is gone, or
// has another uid by now, ends the chain.
[[nodiscard]] std::vector<Owner> owners_of(cluster::Cluster& cluster, const Value& object);

// By name, in the object's namespace. Nothing for a cluster-scoped object, or one that owns no running Pod.
[[nodiscard]] std::vector<std::string> claims_of(cluster::Cluster& cluster, const Value& object);

}  // namespace fencepost::binding
