#include "functions/object_ref.h"

#include "base/error.h"

namespace fencepost::functions {

cluster::ObjectKey object_key(cluster::Cluster& cluster, const Value& reference,
                              const std::string& fallback_namespace) {
    if (!reference.is_map())
        throw Error(ErrorKind::kInvalid,
                    "objectReference must be a map with name, resource, apiVersion and group");
    std::string group = reference["group"].string_or("");
    while (!group.empty() && group.back() == '/') group.pop_back();
    std::string version = reference["apiVersion"].string_or("");
    if (const std::size_t slash = version.find('/'); slash != std::string::npos) {
        if (group.empty()) group = version.substr(0, slash);
        version.erase(0, slash + 1);
    }
    std::string resource = reference["resource"].string_or("");
    if (resource.empty()) resource = reference["kind"].string_or("");
    const std::string name = reference["name"].string_or("");
    if (resource.empty() || name.empty())
        throw Error(ErrorKind::kInvalid, "objectReference needs a resource and a name");
    const auto type = cluster.find_type(group, version, resource);
    if (!type) {
        throw Error(
            ErrorKind::kInvalid,
            "there is no resource '" + resource + "' in group '" + group + "' version '" + version + "'",
            "resource is the lower-case plural, apiVersion the version alone, group the API group");
    }
    std::string ns;
    if (type->is_namespaced) ns = reference["namespace"].string_or(fallback_namespace);
    if (type->is_namespaced && ns.empty()) ns = fallback_namespace;
    return {type->type, ns, name};
}

}  // namespace fencepost::functions
