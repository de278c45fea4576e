// What a Kubernetes-style path names: a type, perhaps a namespace, an object, a subresource. Pure;
// thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "cluster/cluster.h"

namespace fencepost::api::facade {

struct Target {
    cluster::ResourceDescription type;
    std::string ns;           // "" is all namespaces, or a cluster-scoped type
    std::string name;         // "" is the collection
    std::string subresource;  // "" or "status", "log" ...
    [[nodiscard]] cluster::ObjectKey key() const { return {type.type, ns, name}; }
};

// The type has the subresource scale.
[[nodiscard]] bool has_scale(const cluster::ResourceType& type);

// "v1", "apps/v1".
[[nodiscard]] std::string api_version_of(const cluster::ResourceType& type);
// The CustomResourceDefinition of a type; where the cluster has none, the chart's, so that our kinds are told
// of in one place. Nil where neither has one.
[[nodiscard]] Value definition_of(cluster::Cluster& cluster, const cluster::ResourceType& type);

// `rest` is what follows /api/v1/ or /apis/{group}/{version}/. Throws Error{kNotFound} for a type or shape
// that is not served.
[[nodiscard]] Target parse_target(cluster::Cluster& cluster, std::string_view group, std::string_view version,
                                  std::string_view rest);

}  // namespace fencepost::api::facade
