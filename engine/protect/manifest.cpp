#include "protect/manifest.h"

#include <algorithm>
#include <array>

#include "protect/claim_users.h"
#include "protect/restore_item.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;
using cluster::ResourceType;

// Types that are the cluster's own bookkeeping: group, resource; "" is the core group.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kBookkeeping{{
    {"", "events"},
    {"events.k8s.io", "events"},
    {"", "endpoints"},
    {"discovery.k8s.io", "endpointslices"},
    {"coordination.k8s.io", "leases"},
    {"apps", "controllerrevisions"},
    {"metrics.k8s.io", "pods"},
    {"snapshot.storage.k8s.io", "volumesnapshots"},
    {"cr.kanister.io", "actionsets"},
}};

constexpr std::string_view kOwnGroup = "fencepost.io";

// What the cluster writes into metadata.
constexpr std::array<std::string_view, 9> kWritten{"uid",
                                                   "resourceVersion",
                                                   "generation",
                                                   "selfLink",
                                                   "creationTimestamp",
                                                   "deletionTimestamp",
                                                   "deletionGracePeriodSeconds",
                                                   "managedFields",
                                                   "namespace"};

// Annotations that held for the moment, or for this one object.
constexpr std::array<std::string_view, 10> kOfTheMoment{"k8s.enterprisedb.io/fencedInstances",
                                                        "cnpg.io/fencedInstances",
                                                        kRestoredBy,
                                                        kScaledFrom,
                                                        "kubectl.kubernetes.io/last-applied-configuration",
                                                        "deployment.kubernetes.io/revision",
                                                        "pv.kubernetes.io/bind-completed",
                                                        "pv.kubernetes.io/bound-by-controller",
                                                        "volume.kubernetes.io/selected-node",
                                                        "volume.kubernetes.io/storage-provisioner"};
constexpr std::string_view kObligation = "fencepost.io/obligation-";  // who has fenced it
constexpr std::string_view kOurTypes = "fencepost.io/";               // of Secrets

bool is_owned(const Value& object) {
    return !object.get("metadata", "ownerReferences").list_or_empty().empty();
}

void erase_annotations(Value& metadata) {
    if (!metadata.get("annotations").is_map()) return;
    Map kept;
    for (const auto& [key, value] : std::as_const(metadata)["annotations"].map_or_empty()) {
        const bool is_gone = std::find(kOfTheMoment.begin(), kOfTheMoment.end(), key) != kOfTheMoment.end() ||
                             std::string_view(key).starts_with(kObligation);
        if (!is_gone) kept.set(key, value);
    }
    if (kept.empty())
        metadata.erase("annotations");
    else
        metadata["annotations"] = std::move(kept);
}

// Addresses and ports that the cluster has chosen. A headless Service has asked for none.
void clean_service(Value& spec) {
    if (spec.get("clusterIP").string_or("") != "None") {
        spec.erase("clusterIP");
        spec.erase("clusterIPs");
    }
    spec.erase("healthCheckNodePort");
    const std::string type = spec.get("type").string_or("");
    if (type == "NodePort" || type == "LoadBalancer") {
        for (Value& port : spec["ports"].writable_list()) port.erase("nodePort");
    }
}

// A Job's selector and its Pods' labels name its uid, unless somebody has chosen them.
void clean_job(Value& spec) {
    if (spec.get("manualSelector").bool_or(false)) return;
    spec.erase("selector");
    if (!spec.get("template", "metadata", "labels").is_map()) return;
    Value& labels = spec["template"]["metadata"]["labels"];
    for (const char* label :
         {"controller-uid", "batch.kubernetes.io/controller-uid", "job-name", "batch.kubernetes.io/job-name"})
        labels.erase(label);
}

}  // namespace

bool is_captured(const ResourceType& type) {
    if (type.group == kOwnGroup) return type.resource == "policies" || type.resource == "policypresets";
    return std::find(kBookkeeping.begin(), kBookkeeping.end(),
                     std::pair<std::string_view, std::string_view>(type.group, type.resource)) ==
           kBookkeeping.end();
}

bool is_captured(const cluster::ResourceDescription& type, const Value& object) {
    if (!is_captured(type.type)) return false;
    const std::string name = cluster::name_of(object);
    if (type.type == types::kConfigMaps && name == "kube-root-ca.crt") return false;
    const std::string of_type = object["type"].string_or("");
    if (type.type == types::kSecrets &&
        (of_type == "kubernetes.io/service-account-token" || of_type.starts_with(kOurTypes)))
        return false;
    if (type.kind == "ServiceAccount" && name == "default") return false;
    const bool comes_with_its_owner =
        type.type == types::kPods || type.type == types::kReplicaSets || type.kind == "Job";
    return !(comes_with_its_owner && is_owned(object));
}

Value manifest_of(const cluster::ResourceDescription& type, const Value& object) {
    Value manifest = object;
    const ResourceType& is = type.type;
    manifest["apiVersion"] = is.group.empty() ? is.version : is.group + "/" + is.version;
    manifest["kind"] = type.kind;
    manifest.erase("status");
    Value& metadata = manifest["metadata"];
    for (const std::string_view member : kWritten) metadata.erase(member);
    metadata.erase("finalizers");  // whoever put them there does so again
    erase_annotations(metadata);
    if (metadata.get("ownerReferences").is_list()) {
        for (Value& owner : metadata["ownerReferences"].writable_list()) owner.erase("uid");
    }
    if (!manifest.get("spec").is_map()) return manifest;
    Value& spec = manifest["spec"];
    if (is == types::kServices) clean_service(spec);
    if (is == types::kPersistentVolumeClaims) spec.erase("volumeName");
    if (is == types::kPods) spec.erase("nodeName");
    if (type.kind == "Job") clean_job(spec);
    return manifest;
}

std::pair<std::string, std::string> group_and_version(const std::string& api_version) {
    const std::size_t slash = api_version.find('/');
    if (slash == std::string::npos) return {"", api_version};
    return {api_version.substr(0, slash), api_version.substr(slash + 1)};
}

}  // namespace fencepost::protect
