#include "api/facade/target.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "cluster/kube/definitions.h"

namespace fencepost::api::facade {
namespace {

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> segments;
    while (!path.empty()) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        segments.emplace_back(path.substr(0, slash));
        path.remove_prefix(std::min(slash + 1, path.size()));
    }
    return segments;
}

Error not_served() { return {ErrorKind::kNotFound, "the server could not find the requested resource"}; }

}  // namespace

bool has_scale(const cluster::ResourceType& type) {
    namespace types = cluster::types;
    return type == types::kStatefulSets || type == types::kDeployments || type == types::kReplicaSets;
}

std::string api_version_of(const cluster::ResourceType& type) {
    return type.group.empty() ? type.version : type.group + "/" + type.version;
}

Value definition_of(cluster::Cluster& cluster, const cluster::ResourceType& type) {
    if (type.group.empty()) return {};
    try {
        return cluster.get(
            {cluster::types::kCustomResourceDefinitions, "", type.resource + "." + type.group});
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound) throw;
        return cluster::kube::definition_of(type);
    }
}

Target parse_target(cluster::Cluster& cluster, std::string_view group, std::string_view version,
                    std::string_view rest) {
    std::vector<std::string> segments = split(rest);
    Target target;
    // namespaces/x/pods is about Pods; namespaces/x and namespaces/x/status are about the Namespace.
    if (segments.size() >= 3 && segments[0] == "namespaces" && segments[2] != "status" &&
        segments[2] != "finalize") {
        target.ns = segments[1];
        segments.erase(segments.begin(), segments.begin() + 2);
    }
    if (segments.empty() || segments.size() > 3) throw not_served();
    const auto type = cluster.find_type(group, version, segments[0]);
    if (!type || type->type.resource != segments[0] || type->type.group != group) throw not_served();
    target.type = *type;
    if (segments.size() > 1) target.name = segments[1];
    if (segments.size() > 2) target.subresource = segments[2];
    const bool names_namespace = !target.ns.empty();
    if (names_namespace && !type->is_namespaced) throw not_served();
    if (!names_namespace && type->is_namespaced && !target.name.empty()) throw not_served();
    return target;
}

}  // namespace fencepost::api::facade
