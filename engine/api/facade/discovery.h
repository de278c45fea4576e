// What the cluster serves, as clients discover it: a list for each group and version (the legacy form), all
// of it in two documents (the aggregated form), and the groups. Pure; thread-safe.
#pragma once

#include "api/router.h"
#include "cluster/cluster.h"

namespace fencepost::api::facade {

void add_discovery(Router& router, cluster::Cluster& cluster);

}  // namespace fencepost::api::facade
