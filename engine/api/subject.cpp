#include "api/subject.h"

#include "base/error.h"
#include "model/diagnostic.h"

namespace fencepost::api {
namespace {

// Kanister's own word for the kind, where it has one.
std::string kanister_kind(const cluster::ResourceDescription& type) {
    return type.type.group.empty() && type.type.resource == "persistentvolumeclaims" ? "PVC" : type.kind;
}

std::string hint_for(const std::string& name, cluster::Cluster& cluster) {
    std::vector<std::string> names;
    for (const auto& type : cluster.types()) {
        names.push_back(type.type.resource);
        names.push_back(type.kind);
    }
    const std::string near = model::nearest(name, names);
    return near.empty() ? "GET /apis lists the groups; a custom type needs its CustomResourceDefinition"
                        : "did you mean '" + near + "'?";
}

}  // namespace

std::optional<model::ObjectReference> check_subject(BodyCheck& check, const std::string& pointer,
                                                    cluster::Cluster& cluster) {
    check.only(pointer, {"kind", "resource", "group", "apiVersion", "name", "namespace"});
    const std::string kind = check.text(pointer + "/kind");
    const std::string resource = check.text(pointer + "/resource", kind.empty());
    std::string group = check.text(pointer + "/group");
    std::string version = check.text(pointer + "/apiVersion");
    const std::string name = check.text(pointer + "/name", true);
    const std::string ns = check.text(pointer + "/namespace");
    if (check.has_failed() || name.empty()) return std::nullopt;
    if (const std::size_t slash = version.find('/'); slash != std::string::npos) {
        if (group.empty()) group = version.substr(0, slash);
        version.erase(0, slash + 1);
    }
    if (group.ends_with('/')) group.pop_back();  // kanctl writes one

    const std::string& word = resource.empty() ? kind : resource;
    const bool is_pvc = resource.empty() && (kind == "PVC" || kind == "pvc");
    const auto type = cluster.find_type(group, version, is_pvc ? "persistentvolumeclaims" : word);
    if (!type) {
        check.fail(pointer + (resource.empty() ? "/kind" : "/resource"), "'" + word + "' is no known type",
                   hint_for(word, cluster));
        return std::nullopt;
    }
    if (type->is_namespaced && ns.empty()) {
        check.fail(pointer + "/namespace", "is required for " + type->type.resource);
        return std::nullopt;
    }
    model::ObjectReference reference;
    reference.api_version = type->type.version;
    reference.group = type->type.group;
    reference.resource = type->type.resource;
    reference.kind = kanister_kind(*type);
    reference.name = name;
    // A Namespace names itself twice in Kanister: as the object and as the place.
    if (type->is_namespaced) reference.ns = ns;
    if (type->type == cluster::types::kNamespaces) reference.ns = name;
    return reference;
}

cluster::ObjectKey subject_key(const model::ObjectReference& reference, cluster::Cluster& cluster) {
    const bool is_pvc = reference.resource.empty() && (reference.kind == "PVC" || reference.kind == "pvc");
    const std::string word = is_pvc                       ? "persistentvolumeclaims"
                             : reference.resource.empty() ? reference.kind
                                                          : reference.resource;
    const auto type = cluster.find_type(reference.group, reference.api_version, word);
    if (!type) throw Error(ErrorKind::kInvalid, "'" + word + "' is no known type");
    return {type->type, type->is_namespaced ? reference.ns : "", reference.name};
}

}  // namespace fencepost::api
