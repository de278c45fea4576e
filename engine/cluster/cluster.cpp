#include "cluster/cluster.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/encodings.h"

namespace fencepost::cluster {

bool matches(const ResourceDescription& type, std::string_view group, std::string_view version,
             std::string_view name) {
    if (!version.empty() && type.type.version != version) return false;
    if (!group.empty() && type.type.group != group) return false;
    if (group.empty() && !version.empty() && !type.type.group.empty()) return false;
    const std::string word = ascii_lower(name);
    return word == type.type.resource || word == ascii_lower(type.kind) ||
           word == ascii_lower(type.singular) ||
           std::find(type.short_names.begin(), type.short_names.end(), word) != type.short_names.end();
}

std::string object_path(const ResourceType& type, std::string_view ns, std::string_view name) {
    std::string path = type.group.empty()
                           ? "/api/" + type.version
                           : "/apis/" + url_encode(type.group) + "/" + url_encode(type.version);
    if (!ns.empty()) path += "/namespaces/" + url_encode(ns);
    path += "/" + url_encode(type.resource);
    return name.empty() ? path : path + "/" + url_encode(name);
}

Error unknown_type(const ResourceType& type) {
    const std::string name = type.group.empty() ? type.resource : type.resource + "." + type.group;
    return {ErrorKind::kNotFound,
            "the server could not find the requested resource (" + name + "/" + type.version + ")",
            "a custom type needs its CustomResourceDefinition first"};
}

std::string to_string(const ObjectKey& key) {
    const std::string type =
        key.type.group.empty() ? key.type.resource : key.type.resource + "." + key.type.group;
    return key.ns.empty() ? type + "/" + key.name : type + "/" + key.ns + "/" + key.name;
}

Value metadata_of(const Value& object) { return Map{{"metadata", object["metadata"]}}; }

std::string name_of(const Value& object) { return object.get("metadata", "name").string_or(""); }
std::string namespace_of(const Value& object) { return object.get("metadata", "namespace").string_or(""); }
std::string uid_of(const Value& object) { return object.get("metadata", "uid").string_or(""); }
std::string resource_version_of(const Value& object) {
    return object.get("metadata", "resourceVersion").string_or("");
}

Value update(Cluster& cluster, const ObjectKey& key, const std::function<bool(Value& object)>& change,
             const CancelToken& cancel, const WriteOptions& options) {
    std::chrono::milliseconds delay{2};
    for (;;) {
        Value object = cluster.get(key);
        if (!change(object)) return object;
        try {
            return cluster.replace(key.type, object, options);
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kConflict) throw;
        }
        if (!cancel.wait_for(delay)) cancel.throw_if_cancelled();
        delay = std::min(delay * 2, std::chrono::milliseconds{500});
    }
}

namespace types {
const ResourceType kActionSets{"cr.kanister.io", "v1alpha1", "actionsets"};
const ResourceType kBlueprints{"cr.kanister.io", "v1alpha1", "blueprints"};
const ResourceType kProfiles{"cr.kanister.io", "v1alpha1", "profiles"};
const ResourceType kBlueprintBindings{"config.kio.kasten.io", "v1alpha1", "blueprintbindings"};
const ResourceType kObligations{"fencepost.io", "v1alpha1", "obligations"};
const ResourceType kPolicies{"fencepost.io", "v1alpha1", "policies"};
const ResourceType kPolicyPresets{"fencepost.io", "v1alpha1", "policypresets"};
const ResourceType kRunActions{"fencepost.io", "v1alpha1", "runactions"};
const ResourceType kBackupActions{"fencepost.io", "v1alpha1", "backupactions"};
const ResourceType kRestoreActions{"fencepost.io", "v1alpha1", "restoreactions"};
const ResourceType kExportActions{"fencepost.io", "v1alpha1", "exportactions"};
const ResourceType kImportActions{"fencepost.io", "v1alpha1", "importactions"};
const ResourceType kValidateActions{"fencepost.io", "v1alpha1", "validateactions"};
const ResourceType kCancelActions{"fencepost.io", "v1alpha1", "cancelactions"};
const ResourceType kRestorePoints{"fencepost.io", "v1alpha1", "restorepoints"};
const ResourceType kRestorePointContents{"fencepost.io", "v1alpha1", "restorepointcontents"};
const ResourceType kNamespaces{"", "v1", "namespaces"};
const ResourceType kPods{"", "v1", "pods"};
const ResourceType kSecrets{"", "v1", "secrets"};
const ResourceType kConfigMaps{"", "v1", "configmaps"};
const ResourceType kPersistentVolumeClaims{"", "v1", "persistentvolumeclaims"};
const ResourceType kEvents{"", "v1", "events"};
const ResourceType kServices{"", "v1", "services"};
const ResourceType kStatefulSets{"apps", "v1", "statefulsets"};
const ResourceType kDeployments{"apps", "v1", "deployments"};
const ResourceType kReplicaSets{"apps", "v1", "replicasets"};
const ResourceType kVolumeSnapshots{"snapshot.storage.k8s.io", "v1", "volumesnapshots"};
const ResourceType kVolumeSnapshotContents{"snapshot.storage.k8s.io", "v1", "volumesnapshotcontents"};
const ResourceType kVolumeSnapshotClasses{"snapshot.storage.k8s.io", "v1", "volumesnapshotclasses"};
const ResourceType kCustomResourceDefinitions{"apiextensions.k8s.io", "v1", "customresourcedefinitions"};
}  // namespace types

}  // namespace fencepost::cluster
