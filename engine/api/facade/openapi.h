// OpenAPI of what the cluster serves: /openapi/v3 (a document for each group and version) and /openapi/v2
// (one document), as far as `kubectl explain`, field validation and client libraries read them. Pure;
// thread-safe.
#pragma once

#include "api/router.h"
#include "cluster/cluster.h"

namespace fencepost::api::facade {

void add_openapi(Router& router, cluster::Cluster& cluster);

}  // namespace fencepost::api::facade
