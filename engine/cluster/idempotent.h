// Writes that may have been done already, by an earlier attempt or somebody else. Errors: the cluster's
// others. Thread-safe.
#pragma once

#include "cluster/cluster.h"

namespace fencepost::cluster {

// False: there is one of that name, and it stays as it is.
bool create_unless_there(Cluster& cluster, const ResourceType& type, const Value& object,
                         const WriteOptions& options = {});
void remove_if_there(Cluster& cluster, const ObjectKey& key);

}  // namespace fencepost::cluster
