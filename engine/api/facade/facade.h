// The embedded cluster as an API server: Kubernetes-style paths under /api and /apis over any Cluster. Each
// kind of request has its file: objects, scale, watch, pod_log, pod_exec, discovery, openapi. Ownership: the
// cluster is borrowed and outlives the router. Thread safety: as the router's handlers.
#pragma once

#include "api/facade/target.h"
#include "api/router.h"
#include "cluster/cluster.h"

namespace fencepost::api::facade {

void add_routes(Router& router, cluster::Cluster& cluster);

// One verb each; Errors become Status objects in add_routes().
[[nodiscard]] net::ServerResponse read_objects(cluster::Cluster& cluster, const Target& target,
                                               const net::ServerRequest& request);
[[nodiscard]] net::ServerResponse write_object(cluster::Cluster& cluster, const Target& target,
                                               const net::ServerRequest& request, const std::string& caller);
[[nodiscard]] net::ServerResponse delete_objects(cluster::Cluster& cluster, const Target& target,
                                                 const net::ServerRequest& request);
[[nodiscard]] net::ServerResponse watch_objects(cluster::Cluster& cluster, const Target& target,
                                                const net::ServerRequest& request);
[[nodiscard]] net::ServerResponse scale(cluster::Cluster& cluster, const Target& target,
                                        const net::ServerRequest& request);
[[nodiscard]] net::ServerResponse pod_log(cluster::Cluster& cluster, const Target& target,
                                          const net::ServerRequest& request);
[[nodiscard]] net::ServerResponse pod_exec(cluster::Cluster& cluster, const Target& target,
                                           const net::ServerRequest& request);

// The body of a write; of a patch with its type. Throw Problem.
[[nodiscard]] Value parse_body(const net::ServerRequest& request);
[[nodiscard]] cluster::PatchType patch_type(const net::ServerRequest& request);
[[nodiscard]] bool is_dry_run(const net::ServerRequest& request);

// Query parameters as Kubernetes reads them: truth as Go's ParseBool does ("1", "true", "True" ...), absence
// as false; what does not parse is kInvalid.
[[nodiscard]] bool is_set(const net::ServerRequest& request, std::string_view name);
[[nodiscard]] std::int64_t number_of(const net::ServerRequest& request, std::string_view name,
                                     std::int64_t absent);

}  // namespace fencepost::api::facade
