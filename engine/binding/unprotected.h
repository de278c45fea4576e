// Databases that nothing protects: objects that look like one (by the operator whose type they are, or by a
// container's image) while no binding and no annotation names a blueprint for them, or for who owns them.
// Of a chain of owners only the topmost that looks like one is named. Errors are the cluster's; thread-safe.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/cluster.h"
#include "value/value.h"

namespace fencepost::binding {

// "postgres" for "registry/library/postgres:16", "" where the image is no database that we know.
[[nodiscard]] std::string database_of_image(std::string_view image);

struct Unprotected {
    cluster::ResourceDescription type;
    Value object;
    std::string reason;  // for people: "its container db runs postgres:16"
};
// In the namespaces that `is_shown` accepts.
[[nodiscard]] std::vector<Unprotected> unprotected_databases(
    cluster::Cluster& cluster, std::string_view controller_namespace,
    const std::function<bool(const std::string& ns)>& is_shown);

}  // namespace fencepost::binding
