#include "protect/plan.h"

#include <catch2/catch.hpp>

#include "tests/unit/binding/world.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;

// An application of one database with two instances, each with a claim, and a labelled Secret.
struct App : binding::World {
    App() {
        apply(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: clusters.postgresql.cnpg.io}
spec:
  group: postgresql.cnpg.io
  scope: Namespaced
  names: {kind: Cluster, listKind: ClusterList, plural: clusters, singular: cluster}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]
)");
        database = apply(
            "{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: pg, namespace: app1}}");
        instance("pg-0");
        instance("pg-1");
        secret("db");
        apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: app1}}");
        apply(
            "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: files, namespace: app1}, spec: "
            "{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}");
    }

    void instance(const std::string& name) {
        const std::string owner =
            "ownerReferences: [{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, name: pg, uid: " +
            cluster::uid_of(database) + ", controller: true}]";
        apply("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data-" + name +
              ", namespace: app1, labels: {instance: " + name +
              ", cnpg.io/cluster: pg, cnpg.io/instanceName: " + name +
              "}}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}");
        apply("{apiVersion: v1, kind: Pod, metadata: {name: " + name + ", namespace: app1, " + owner +
              "}, spec: {containers: [{name: c, image: i}], volumes: [{name: v, persistentVolumeClaim: "
              "{claimName: "
              "data-" +
              name + "}}]}}");
        cluster->patch({types::kPods, "app1", name}, cluster::PatchType::kMerge,
                       parse_yaml_value("{status: {phase: Running}}"), {.subresource = "status"});
    }

    void bind_database(const std::string& actions) {
        blueprint("bp", actions);
        binding("clusters", "bp",
                "[{type: {operator: In, values: [{group: postgresql.cnpg.io, resource: clusters}]}}]");
    }

    Plan plan(const char* filters = "{}") {
        model::Problems problems;
        const ResourceFilter filter = ResourceFilter::read(parse_yaml_value(filters), "", problems);
        CHECK(problems.all().empty());
        return make_plan(*cluster, "kanister", "app1", filter);
    }

    Value database;
};

using Names = std::vector<std::string>;

Names names(const Plan& plan) {
    Names names;
    for (const auto& key : plan.objects) names.push_back(key.type.resource + "/" + key.name);
    return names;
}

constexpr const char* kHooks = "{backupPrehook: {}, backupPosthook: {}, restorePosthook: {}}";

}  // namespace

TEST_CASE("B-18 a plan names what is captured, what governs it, and which volumes are copied") {
    App app;
    app.bind_database(kHooks);
    const Plan plan = app.plan("{excludeResources: [{matchLabels: {instance: pg-1}}]}");
    CHECK(names(plan) == Names{"configmaps/settings", "persistentvolumeclaims/data-pg-0",
                               "persistentvolumeclaims/files", "secrets/db", "clusters/pg"});
    REQUIRE(plan.governed.size() == 1);
    const Governed& governed = plan.governed.front();
    CHECK(governed.key.name == "pg");
    CHECK(governed.binding == "clusters");
    CHECK(governed.actions == Names{"backupPrehook", "backupPosthook"});
    CHECK(governed.claims == Names{"data-pg-0"});
    CHECK(!governed.is_dumped());
    CHECK(plan.plain_claims == Names{"files"});
    CHECK(plan.warnings.empty());
    REQUIRE(plan.skipped.size() == 1);
    CHECK(plan.skipped.front().key.name == "data-pg-1");
    CHECK(plan.skipped.front().reason == "filtered");
    CHECK(plan.to_value()["resources"].as_list()[0]["claims"] == Value(List{"data-pg-0"}));
}

TEST_CASE("E12 the volumes of two instances behind one hook are told") {
    App app;
    app.bind_database(kHooks);
    const Plan plan = app.plan();
    REQUIRE(plan.warnings.size() == 1);
    CHECK_THAT(plan.warnings.front(),
               Catch::Contains("mixed instances: the volumes of 2 Pods of the Cluster pg would be copied "
                               "(data-pg-0, data-pg-1)"));
}

TEST_CASE("of the instances behind a hook that fences, one is to be kept") {
    App app;
    app.bind_database("{backupPrehook: {phases: [{func: Fence, name: f, args: {}}]}, backupPosthook: {}}");
    const Plan plan = app.plan();
    CHECK(plan.warnings.empty());
    const Governed& governed = plan.governed.front();
    CHECK(governed.claims == Names{"data-pg-0", "data-pg-1"});
    CHECK(governed.instances.at("pg-0") == Names{"data-pg-0"});
    CHECK(plan.to_value()["resources"].as_list()[0]["instances"] ==
          parse_yaml_value("{pg-0: [data-pg-0], pg-1: [data-pg-1]}"));
}

TEST_CASE("L-02 with a backup action volumes are not copied, and B-19 a Secret has none") {
    App app;
    app.bind_database("{backup: {}}");
    app.blueprint("dump", "{backup: {}, restore: {}}");
    app.binding("secrets", "dump", binding::kDatabaseSecrets);
    const Plan plan = app.plan();
    REQUIRE(plan.governed.size() == 2);
    for (const Governed& governed : plan.governed) {
        CHECK(governed.is_dumped());
        CHECK(governed.claims == (governed.key.name == "pg" ? Names{"data-pg-0", "data-pg-1"} : Names{}));
    }
    CHECK(plan.plain_claims == Names{"files"});
    CHECK(plan.warnings.empty());
}

TEST_CASE("B-20 a bound object that is filtered out is told of") {
    App app;
    app.bind_database(kHooks);
    const Plan plan = app.plan("{excludeResources: [{resource: clusters}]}");
    CHECK(plan.governed.empty());
    CHECK(plan.plain_claims == Names{"data-pg-0", "data-pg-1", "files"});
    REQUIRE(plan.skipped.size() == 1);
    CHECK(plan.skipped.front().key.name == "pg");
}

TEST_CASE("LC-10 nothing to back up is an error, and so is a namespace that is not there") {
    App app;
    CHECK_THROWS_WITH(app.plan("{includeResources: [{resource: deployments}]}"),
                      Catch::Contains("nothing of namespace 'app1' would be backed up"));
    CHECK_THROWS_WITH(make_plan(*app.cluster, "kanister", "nowhere", {}),
                      Catch::Contains("\"nowhere\" not found"));
    app.blueprint("idle", "{restore: {}}");
    app.binding("clusters", "idle",
                "[{type: {operator: In, values: [{group: postgresql.cnpg.io, resource: clusters}]}}]");
    CHECK_THAT(app.plan().warnings.front(), Catch::Contains("has no action of a backup"));
}

}  // namespace fencepost::protect
