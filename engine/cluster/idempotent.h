// Reads and writes for which it is no error that the object is not there, or is there already: an earlier
// attempt or somebody else may have come first. Errors: the cluster's others. Thread-safe.
#pragma once

#include <optional>

#include "cluster/cluster.h"

namespace fencepost::cluster {

[[nodiscard]] std::optional<Value> find_object(Cluster& cluster, const ObjectKey& key);
// False: there is one of that name, and it stays as it is.
bool create_unless_there(Cluster& cluster, const ResourceType& type, const Value& object,
                         const WriteOptions& options = {});
void remove_if_there(Cluster& cluster, const ObjectKey& key);

}  // namespace fencepost::cluster
