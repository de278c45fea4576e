#include "protect/manifest.h"

#include <catch2/catch.hpp>

#include "protect/resource_filter.h"
#include "protect/restore_item.h"
#include "value/yaml.h"

namespace fencepost::protect {
namespace {

using cluster::ResourceDescription;

ResourceDescription described(const char* group, const char* version, const char* resource,
                              const char* kind) {
    return {.type = {group, version, resource}, .kind = kind};
}

const ResourceDescription kPod = described("", "v1", "pods", "Pod");
const ResourceDescription kService = described("", "v1", "services", "Service");
const ResourceDescription kSecret = described("", "v1", "secrets", "Secret");
const ResourceDescription kCluster = described("postgresql.k8s.enterprisedb.io", "v1", "clusters", "Cluster");

Value yaml(const char* text) { return parse_yaml_value(text); }

ResourceFilter filter(const char* text) {
    model::Problems problems;
    ResourceFilter read = ResourceFilter::read(yaml(text), "/spec/filters", problems);
    CHECK(problems.all().empty());
    return read;
}

}  // namespace

TEST_CASE(
    "E8 the fence and what the cluster wrote stay out of a manifest, what blueprints are told stays in it") {
    const Value manifest = manifest_of(kCluster, yaml(R"(
metadata:
  name: cluster-example
  namespace: edb
  uid: u1
  resourceVersion: "7"
  generation: 3
  creationTimestamp: 2026-11-21T00:00:00Z
  managedFields: [{manager: kubectl}]
  finalizers: [postgresql.k8s.enterprisedb.io/cleanup]
  labels: {app: pg}
  ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: root, uid: u0}]
  annotations:
    k8s.enterprisedb.io/fencedInstances: '["cluster-example-2"]'
    k8s.enterprisedb.io/addons: '["kasten"]'
    fencepost.io/obligation-x: cluster-example-2
    fencepost.io/restored-by: u2
    fencepost.io/scaled-down-from: '3'
    fencepost.io/backup-method: plugin
spec: {instances: 3}
status: {phase: healthy}
)"));
    CHECK(manifest == yaml(R"(
apiVersion: postgresql.k8s.enterprisedb.io/v1
kind: Cluster
metadata:
  name: cluster-example
  labels: {app: pg}
  annotations: {k8s.enterprisedb.io/addons: '["kasten"]', fencepost.io/backup-method: plugin}
  ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: root}]
spec: {instances: 3}
)"));
    // Annotations of which none is left do not stay as an empty map.
    CHECK(manifest_of(kCluster, yaml("metadata: {name: a, annotations: {cnpg.io/fencedInstances: '[]'}}")) ==
          yaml("{apiVersion: postgresql.k8s.enterprisedb.io/v1, kind: Cluster, metadata: {name: a}}"));
}

TEST_CASE("what the cluster has chosen is chosen again") {
    CHECK(manifest_of(kService,
                      yaml("metadata: {name: pg}\nspec: {type: NodePort, clusterIP: 10.96.0.4, clusterIPs: "
                           "[10.96.0.4], ports: [{port: 5432, nodePort: 30123}]}"))["spec"] ==
          yaml("{type: NodePort, ports: [{port: 5432}]}"));
    CHECK(manifest_of(kService, yaml("metadata: {name: pg}\nspec: {clusterIP: None}"))["spec"] ==
          yaml("{clusterIP: None}"));
    CHECK(manifest_of(
              described("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
              yaml("metadata: {name: data, annotations: {pv.kubernetes.io/bind-completed: 'yes'}}\nspec: "
                   "{volumeName: pv1, accessModes: [ReadWriteOnce]}")) ==
          yaml("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data}, spec: {accessModes: "
               "[ReadWriteOnce]}}"));
    CHECK(manifest_of(
              described("batch", "v1", "jobs", "Job"),
              yaml("metadata: {name: j}\nspec: {selector: {matchLabels: {controller-uid: u}}, template: "
                   "{metadata: {labels: {controller-uid: u, app: a}}}}"))["spec"] ==
          yaml("{template: {metadata: {labels: {app: a}}}}"));
}

TEST_CASE("what comes back by itself is not captured") {
    const Value owned = yaml("metadata: {name: pg-0, ownerReferences: [{kind: StatefulSet, name: pg}]}");
    CHECK(!is_captured(kPod, owned));
    CHECK(is_captured(kPod, yaml("metadata: {name: alone}")));
    CHECK(is_captured(kSecret, yaml("metadata: {name: app1-db}")));
    CHECK(!is_captured(kSecret, yaml("{type: kubernetes.io/service-account-token, metadata: {name: t}}")));
    CHECK(!is_captured(kSecret, yaml("{type: fencepost.io/manifests, metadata: {name: t}}")));
    CHECK(!is_captured(described("", "v1", "configmaps", "ConfigMap"),
                       yaml("metadata: {name: kube-root-ca.crt}")));
    CHECK(!is_captured(described("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice").type));
    CHECK(!is_captured(described("fencepost.io", "v1alpha1", "backupactions", "BackupAction").type));
    CHECK(is_captured(described("fencepost.io", "v1alpha1", "policies", "Policy").type));
    // An operator's claims are owned, and hold the data.
    CHECK(is_captured(described("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"), owned));
}

TEST_CASE("A-13 filters: include first, then exclude; what is left out fits everything") {
    const Value excluded = yaml("metadata: {name: pg-1, labels: {kasten-enterprisedb.io/excluded: 'true'}}");
    const Value other = yaml("metadata: {name: pg-2}");
    const cluster::ResourceType claims = cluster::types::kPersistentVolumeClaims;

    CHECK(ResourceFilter().accepts(claims, other));
    const ResourceFilter by_label =
        filter("excludeResources: [{matchLabels: {kasten-enterprisedb.io/excluded: 'true'}}]");
    CHECK(!by_label.accepts(claims, excluded));
    CHECK(by_label.accepts(claims, other));

    const ResourceFilter one = filter(
        "includeResources: [{group: apps, resource: deployments}, {resource: secrets, "
        "name: pg-2}]\nexcludeResources: [{group: apps, name: pg-1}]");
    CHECK(one.accepts(kSecret.type, other));
    CHECK(!one.accepts(kSecret.type, excluded));
    CHECK(one.accepts(cluster::types::kDeployments, other));
    CHECK(!one.accepts(cluster::types::kDeployments, excluded));
    CHECK(!one.accepts(claims, other));

    const ResourceFilter core = filter("excludeResources: [{group: core}]");
    CHECK(!core.accepts(kSecret.type, other));
    CHECK(core.accepts(kCluster.type, other));
}

TEST_CASE("a filter that is none says where") {
    model::Problems problems;
    (void)ResourceFilter::read(
        yaml("includeResources: [{resorce: pods}, 3]\nexcludeResources: [{matchExpressions: [{key: "
             "a, operator: Is}]}]"),
        "/spec/filters", problems);
    std::string all;
    for (const model::Problem& problem : problems.all()) all += to_text(problem) + "\n";
    CHECK_THAT(all, Catch::Contains("spec.filters.includeResources[0].resorce") &&
                        Catch::Contains("spec.filters.includeResources[1]") &&
                        Catch::Contains("spec.filters.excludeResources[0]"));
}

TEST_CASE("a RoleBinding in another namespace is about the service accounts there") {
    const std::string others =
        "}, {kind: ServiceAccount, name: monitor, namespace: monitoring}, {kind: User, name: anna}]}";
    const std::string head =
        "{kind: RoleBinding, roleRef: {kind: Role, name: pg}, subjects: [{kind: "
        "ServiceAccount, name: pg, namespace: ";
    Value binding = parse_yaml_value(head + "app" + others);
    move_subjects(binding, "app", "copy");
    CHECK(binding == parse_yaml_value(head + "copy" + others));

    Value other = parse_yaml_value("{kind: Thing, subjects: [{kind: ServiceAccount, namespace: app}]}");
    const Value before = other;
    move_subjects(other, "app", "copy");
    CHECK(other == before);
}

}  // namespace fencepost::protect
