#include "binding/ownership.h"

#include <catch2/catch.hpp>

#include "binding/explain.h"
#include "tests/unit/binding/world.h"
#include "tests/unit/eventually.h"

namespace fencepost::binding {
namespace {

std::string owner(const Value& object) {
    return "ownerReferences: [{apiVersion: " + object["apiVersion"].as_string() +
           ", kind: " + object["kind"].as_string() + ", name: " + cluster::name_of(object) +
           ", uid: " + cluster::uid_of(object) + ", controller: true}]";
}

// Says of a Pod what its node would.
Value run(World& world, const std::string& name, const std::string& phase) {
    return world.cluster->patch({cluster::types::kPods, "app1", name}, cluster::PatchType::kMerge,
                                parse_yaml_value("{status: {phase: " + phase + "}}"),
                                {.subresource = "status"});
}

Value pod(World& world, const std::string& name, const std::string& owner_text, const std::string& claim,
          const std::string& phase = "Running") {
    world.apply("{apiVersion: v1, kind: Pod, metadata: {name: " + name + ", namespace: app1, " + owner_text +
                "}, spec: {containers: [{name: c, image: i}], volumes: [{name: v, persistentVolumeClaim: "
                "{claimName: " +
                claim + "}}, {name: e, emptyDir: {}}]}}");
    return run(world, name, phase);
}

std::string names_of(const std::vector<Owner>& owners) {
    std::string text;
    for (const Owner& one : owners) text += one.type.kind + "/" + cluster::name_of(one.object) + " ";
    return text;
}

Value custom_cluster(World& world) {
    world.apply(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: clusters.postgresql.cnpg.io}
spec:
  group: postgresql.cnpg.io
  scope: Namespaced
  names: {kind: Cluster, listKind: ClusterList, plural: clusters, singular: cluster}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
)");
    return world.apply(
        "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: pg, namespace: app1}}");
}

}  // namespace

TEST_CASE("B-18 the chain of owners is followed: Pod, ReplicaSet, Deployment") {
    World world;
    const Value deployment = world.apply(R"(
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: app1}
spec:
  replicas: 1
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      containers: [{name: c, image: i}]
      volumes: [{name: v, persistentVolumeClaim: {claimName: data-web}}]
)");
    // The embedded cluster's own controllers make the rest of the chain.
    const auto watch = world.cluster->watch(cluster::types::kPods, {.ns = "app1"});
    const auto event = watch->next(CancelToken(), std::chrono::steady_clock::now() + kPatience);
    REQUIRE(event);
    const std::string name = cluster::name_of(event->object);
    const Value mine = run(world, name, "Running");
    pod(world, "stranger", "", "data-other");
    const auto owners = owners_of(*world.cluster, mine);
    REQUIRE(owners.size() == 2);
    CHECK(owners[0].type.kind == "ReplicaSet");
    CHECK(owners[1].type.kind == "Deployment");
    CHECK(cluster::uid_of(owners[1].object) == cluster::uid_of(deployment));
    CHECK(claims_of(*world.cluster, deployment) == std::vector<std::string>{"data-web"});
    CHECK(claims_of(*world.cluster, mine) == std::vector<std::string>{"data-web"});

    world.blueprint("web");
    world.binding("b", "web", "[{type: {operator: In, values: [{group: apps, resource: deployments}]}}]");
    const Value explanation = explain(*world.cluster, {cluster::types::kPods, "app1", name}, "kanister");
    const List& chain = explanation["ownershipChain"].as_list();
    REQUIRE(chain.size() == 2);
    CHECK(chain[0]["blueprint"].is_nil());
    CHECK(chain[1]["kind"].as_string() == "Deployment");
    CHECK(chain[1]["blueprint"].as_string() == "web");
    CHECK(explanation["pvcs"].as_list().size() == 1);
}

TEST_CASE("B-18 the chain of owners is followed: Pod, custom resource") {
    World world;
    const Value cluster_object = custom_cluster(world);
    const Value mine = pod(world, "pg-1", owner(cluster_object), "pg-1");
    pod(world, "pg-2", owner(cluster_object), "pg-2");
    pod(world, "pg-ended", owner(cluster_object), "pg-ended", "Succeeded");
    pod(world, "stranger", "", "other");
    CHECK(names_of(owners_of(*world.cluster, mine)) == "Cluster/pg ");
    CHECK(claims_of(*world.cluster, cluster_object) == std::vector<std::string>{"pg-1", "pg-2"});
}

TEST_CASE("B-18 binding a Pod instead of what owns it is warned of, and so are two blueprints for one step") {
    World world;
    const Value cluster_object = custom_cluster(world);
    pod(world, "pg-1", owner(cluster_object), "pg-1");
    world.blueprint("for-clusters", "{backupPrehook: {}, backupPosthook: {}}");
    world.blueprint("for-pods", "{backupPrehook: {}, backupPosthook: {}}");
    world.binding("clusters", "for-clusters", "[{type: {operator: In, values: [{resource: clusters}]}}]");
    world.binding("pods", "for-pods", "[{type: {operator: In, values: [{resource: pods}]}}]");
    const Value explanation = explain(*world.cluster, {cluster::types::kPods, "app1", "pg-1"}, "kanister");
    std::string warnings;
    for (const Value& warning : explanation["warnings"].as_list()) warnings += warning.as_string() + "\n";
    CHECK_THAT(warnings, Catch::Contains("the Cluster pg owns it: bind that, not the Pod [BND-W06]"));
    CHECK_THAT(warnings, Catch::Contains("both blueprints have the action backupPrehook [BND-E07]"));
}

TEST_CASE("B-18 an owner of the same name with another uid is not the owner") {
    World world;
    const Value cluster_object = custom_cluster(world);
    Value stranger = cluster_object;
    stranger["metadata"]["uid"] = "11111111-1111-1111-1111-111111111111";
    Value object;
    object["metadata"]["namespace"] = "app1";
    object["metadata"]["ownerReferences"] = parse_yaml_value("{" + owner(stranger) + "}")["ownerReferences"];
    CHECK(owners_of(*world.cluster, object).empty());
}

TEST_CASE("B-19 a Secret governs no claims, also where a Pod mounts it") {
    World world;
    const Value secret = world.secret("db");
    world.apply(
        "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: app1}, spec: {containers: [{name: c, "
        "image: i}], "
        "volumes: [{name: s, secret: {secretName: db}}, {name: v, persistentVolumeClaim: {claimName: "
        "data}}]}}");
    world.cluster->patch({cluster::types::kPods, "app1", "p"}, cluster::PatchType::kMerge,
                         parse_yaml_value("{status: {phase: Running}}"), {.subresource = "status"});
    CHECK(claims_of(*world.cluster, secret).empty());
    CHECK(explain(*world.cluster, secret_key("db"), "kanister")["pvcs"].as_list().empty());
}

}  // namespace fencepost::binding
