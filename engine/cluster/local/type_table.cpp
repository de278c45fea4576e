#include "cluster/local/type_table.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/error.h"

namespace fencepost::cluster::local {
namespace {

enum Scope : bool { kCluster = false, kNamespaced = true };
enum Status : bool { kNoStatus = false, kHasStatus = true };

std::vector<ResourceDescription> built_in() {
    std::vector<ResourceDescription> types;
    const auto add = [&](const char* group, const char* version, const char* resource, const char* kind,
                         Scope scope, Status status, std::vector<std::string> short_names = {}) {
        types.push_back(
            {{group, version, resource}, kind, ascii_lower(kind), std::move(short_names), scope, status});
    };
    add("", "v1", "namespaces", "Namespace", kCluster, kHasStatus, {"ns"});
    add("", "v1", "nodes", "Node", kCluster, kHasStatus, {"no"});
    add("", "v1", "pods", "Pod", kNamespaced, kHasStatus, {"po"});
    add("", "v1", "secrets", "Secret", kNamespaced, kNoStatus);
    add("", "v1", "configmaps", "ConfigMap", kNamespaced, kNoStatus, {"cm"});
    add("", "v1", "services", "Service", kNamespaced, kHasStatus, {"svc"});
    add("", "v1", "serviceaccounts", "ServiceAccount", kNamespaced, kNoStatus, {"sa"});
    add("", "v1", "events", "Event", kNamespaced, kNoStatus, {"ev"});
    add("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", kNamespaced, kHasStatus, {"pvc"});
    add("", "v1", "persistentvolumes", "PersistentVolume", kCluster, kHasStatus, {"pv"});
    add("apps", "v1", "statefulsets", "StatefulSet", kNamespaced, kHasStatus, {"sts"});
    add("apps", "v1", "deployments", "Deployment", kNamespaced, kHasStatus, {"deploy"});
    add("apps", "v1", "replicasets", "ReplicaSet", kNamespaced, kHasStatus, {"rs"});
    add("storage.k8s.io", "v1", "storageclasses", "StorageClass", kCluster, kNoStatus, {"sc"});
    add("snapshot.storage.k8s.io", "v1", "volumesnapshots", "VolumeSnapshot", kNamespaced, kHasStatus,
        {"vs"});
    add("snapshot.storage.k8s.io", "v1", "volumesnapshotcontents", "VolumeSnapshotContent", kCluster,
        kHasStatus, {"vsc"});
    add("snapshot.storage.k8s.io", "v1", "volumesnapshotclasses", "VolumeSnapshotClass", kCluster, kNoStatus,
        {"vsclass"});
    add("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", kCluster,
        kHasStatus, {"crd"});
    // Kanister's have no status subresource: its clients write status with ordinary updates.
    add("cr.kanister.io", "v1alpha1", "actionsets", "ActionSet", kNamespaced, kNoStatus);
    add("cr.kanister.io", "v1alpha1", "blueprints", "Blueprint", kNamespaced, kNoStatus);
    add("cr.kanister.io", "v1alpha1", "profiles", "Profile", kNamespaced, kNoStatus);
    add("config.kio.kasten.io", "v1alpha1", "blueprintbindings", "BlueprintBinding", kNamespaced, kHasStatus);
    add("fencepost.io", "v1alpha1", "obligations", "Obligation", kNamespaced, kNoStatus);
    add("fencepost.io", "v1alpha1", "webhooks", "Webhook", kNamespaced, kNoStatus);
    add("fencepost.io", "v1alpha1", "policies", "Policy", kNamespaced, kNoStatus);
    add("fencepost.io", "v1alpha1", "policypresets", "PolicyPreset", kNamespaced, kNoStatus);
    add("fencepost.io", "v1alpha1", "transformsets", "TransformSet", kNamespaced, kNoStatus);
    add("fencepost.io", "v1alpha1", "runactions", "RunAction", kNamespaced, kNoStatus);
    add("fencepost.io", "v1alpha1", "backupactions", "BackupAction", kNamespaced, kNoStatus);
    add("fencepost.io", "v1alpha1", "restoreactions", "RestoreAction", kNamespaced, kNoStatus);
    add("fencepost.io", "v1alpha1", "exportactions", "ExportAction", kNamespaced, kNoStatus);
    add("fencepost.io", "v1alpha1", "importactions", "ImportAction", kNamespaced, kNoStatus);
    add("fencepost.io", "v1alpha1", "validateactions", "ValidateAction", kNamespaced, kNoStatus);
    add("fencepost.io", "v1alpha1", "cancelactions", "CancelAction", kNamespaced, kNoStatus);
    add("fencepost.io", "v1alpha1", "restorepoints", "RestorePoint", kNamespaced, kNoStatus, {"rp"});
    add("fencepost.io", "v1alpha1", "restorepointcontents", "RestorePointContent", kCluster, kNoStatus,
        {"rpc"});
    return types;
}

std::vector<ResourceDescription> defined_by(const Value& definition) {
    std::vector<ResourceDescription> types;
    const Value& spec = definition["spec"];
    const Value& names = spec["names"];
    for (const Value& version : spec["versions"].list_or_empty()) {
        if (!version["served"].bool_or(false)) continue;
        ResourceDescription type;
        type.type = {spec["group"].string_or(""), version["name"].string_or(""),
                     names["plural"].string_or("")};
        type.kind = names["kind"].string_or("");
        type.singular = names["singular"].string_or(ascii_lower(type.kind));
        for (const Value& name : names["shortNames"].list_or_empty())
            type.short_names.push_back(name.string_or(""));
        type.is_namespaced = spec["scope"].string_or("") == "Namespaced";
        type.has_status_subresource = version.get("subresources", "status").is_map();
        types.push_back(std::move(type));
    }
    return types;
}

bool is_defined_by(const ResourceDescription& type, const Value& definition) {
    return type.type.group == definition.get("spec", "group").string_or("") &&
           type.type.resource == definition.get("spec", "names", "plural").string_or("");
}

}  // namespace

TypeTable::TypeTable() : types_(built_in()) {}

std::optional<ResourceDescription> TypeTable::find(std::string_view group, std::string_view version,
                                                   std::string_view name) const {
    auto types = types_.lock();
    for (const ResourceDescription& type : *types) {
        if (matches(type, group, version, name)) return type;
    }
    return std::nullopt;
}

ResourceDescription TypeTable::at(const ResourceType& wanted) const {
    {
        auto types = types_.lock();
        for (const ResourceDescription& type : *types) {
            if (type.type == wanted) return type;
        }
    }
    throw unknown_type(wanted);
}

std::vector<ResourceDescription> TypeTable::all() const { return *types_.lock(); }

bool TypeTable::is_built_in(const Value& definition) {
    static const std::vector<ResourceDescription> ours = built_in();
    return std::any_of(ours.begin(), ours.end(),
                       [&](const auto& type) { return is_defined_by(type, definition); });
}

void TypeTable::define(const Value& definition) {
    if (is_built_in(definition)) return;
    forget(definition);
    auto types = types_.lock();
    for (ResourceDescription& type : defined_by(definition)) types->push_back(std::move(type));
}

void TypeTable::forget(const Value& definition) {
    if (is_built_in(definition)) return;
    auto types = types_.lock();
    std::erase_if(*types, [&](const auto& type) { return is_defined_by(type, definition); });
}

}  // namespace fencepost::cluster::local
