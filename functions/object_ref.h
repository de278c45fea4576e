// An argument `objectReference` as the key of an object. Pure but for the look-up of the type.
#pragma once

#include <string>

#include "cluster/cluster.h"
#include "value/value.h"

namespace fencepost::functions {

// REQUIRES: a map with `name` and `resource` (or `kind`). The namespace is the reference's, else the
// fallback; none for a cluster-scoped type. apiVersion may be "v1", or "group/version" as people write it.
// Errors: Error{kInvalid}.
[[nodiscard]] cluster::ObjectKey object_key(cluster::Cluster& cluster, const Value& reference,
                                            const std::string& fallback_namespace);

}  // namespace fencepost::functions
