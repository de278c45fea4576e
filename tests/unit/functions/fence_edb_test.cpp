// Fence in mode hooks on the instances of EDB's operator: what their Cluster says, and its annotation of
// fenced instances, which the published hooks change. The test lists and takes off for the hooks, as the
// operator's do.
#include "functions_world.h"

namespace fencepost::functions {

using Catch::Contains;

namespace {

const cluster::ResourceType kClusters{"postgresql.k8s.enterprisedb.io", "v1", "clusters"};
constexpr const char* kFenced = "k8s.enterprisedb.io/fencedInstances";

class EdbWorld : public FunctionsWorld {
  public:
    explicit EdbWorld(const std::string& annotations = "{}") {
        create(
            "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: "
            "clusters.postgresql.k8s.enterprisedb.io}, spec: {group: postgresql.k8s.enterprisedb.io, scope: "
            "Namespaced, names: {kind: Cluster, plural: clusters, singular: cluster}, versions: [{name: v1, "
            "served: true, storage: true, schema: {openAPIV3Schema: {type: object, "
            "x-kubernetes-preserve-unknown-fields: true}}}]}}");
        create(
            "{apiVersion: postgresql.k8s.enterprisedb.io/v1, kind: Cluster, metadata: {name: pg, namespace: "
            "app, annotations: " +
            annotations + "}}");
        std::filesystem::create_directory(folder / "pgdata");
    }
    // The pre command ends once the test says that its entry is listed.
    void instance(const std::string& name, const std::string& role, const std::string& post = "true") {
        const auto hook = [&](const std::string& which, const std::string& script) {
            return "'[\"bash\", \"-c\", \"echo " + which + " >> " + file("notes") + "; " + script + "\"]'";
        };
        const std::string listed = "until test -e " + file("listed") + "; do sleep 0.01; done";
        pod(name,
            ", labels: {k8s.enterprisedb.io/cluster: pg, role: " + role +
                ", kasten-enterprisedb.io/hasHooks: 'true'}, annotations: "
                "{kasten-enterprisedb.io/pre-backup-command: " +
                hook("pre", listed) + ", kasten-enterprisedb.io/post-backup-command: " + hook("post", post) +
                "}",
            "[{name: postgres, image: postgres, env: [{name: PGDATA, value: " + file("pgdata") +
                "}], command: [sleep, '100']}]");
    }
    void annotate(const std::string& list) {
        cluster->patch(
            {kClusters, "app", "pg"}, cluster::PatchType::kMerge,
            Value(Map{{"metadata", Value(Map{{"annotations", Value(Map{{kFenced, Value(list)}})}})}}));
    }
    std::string fenced() {
        return get(kClusters, "pg").get("metadata", "annotations", kFenced).string_or("");
    }
    // An action that fences; returns its name once the instance is listed, with another one that somebody
    // else fenced meanwhile.
    std::string start_fence(const std::string& then) {
        const std::string name =
            start(std::string("[{func: Fence, name: fence, args: ") + kArgs + "}" + then + "]");
        wait_for_notes("pre\n");
        annotate(R"(["pg-2","pg-9"])");
        std::ofstream(file("listed")).put('x');
        return name;
    }
    void wait_for_notes(const std::string& text) {
        eventually([&] { return read("notes") == text; });
        CHECK(read("notes") == text);
    }
    static constexpr const char* kArgs =
        "{namespace: app, labelSelector: kasten-enterprisedb.io/hasHooks=true}";
};

}  // namespace

TEST_CASE("E4 a post command that fails is tried again, then our own entry is taken off, and no other one") {
    EdbWorld world;
    world.instance("pg-2", "replica", "exit 1");
    const std::string name = world.start_fence(", {func: Unfence, name: unfence, args: {namespace: app}}");
    const Value done = world.finish(name);
    INFO(to_json(done, {.indent = "  "}));
    CHECK(done.get("status", "state") == Value("complete"));
    CHECK(world.read("notes") == "pre\npost\npost\npost\n");
    CHECK(world.fenced() == R"(["pg-9"])");
    CHECK(world.engine->obligations(false).empty());
}

TEST_CASE("E4 the entry of a Pod that is gone is taken off: the next Pod of its name would not start") {
    EdbWorld world;
    world.instance("pg-2", "replica");
    const std::string name = world.start_fence(
        ", {func: Wait, name: hold, args: {timeout: 1m, conditions: {anyOf: [{condition: '{{ "
        "false }}', objectReference: {apiVersion: v1, resource: configmaps, name: subject, "
        "namespace: app}}]}}}");
    CHECK(eventually([&] {
        return FunctionsWorld::phase(world.get(types::kActionSets, name, "default"))["state"] ==
               Value("complete");
    }));
    world.cluster->remove({types::kPods, "app", "pg-2"});
    world.cluster->patch({types::kActionSets, "default", name}, cluster::PatchType::kMerge,
                         parse_json(R"({"spec":{"cancel":true}})"));
    (void)world.finish(name);
    CHECK(eventually([&] { return world.engine->obligations(false).empty(); }));
    CHECK(world.fenced() == R"(["pg-9"])");
    CHECK(world.read("notes") == "pre\n");
}

TEST_CASE("E7 a Cluster with a fenced instance is refused, and left as it is") {
    EdbWorld world("{k8s.enterprisedb.io/fencedInstances: '[\"pg-3\"]'}");
    world.instance("pg-2", "replica");
    CHECK_THAT(world.error("Fence", EdbWorld::kArgs),
               Contains("the Cluster app/pg has fenced instances already: [\"pg-3\"]"));
    CHECK(world.read("notes").empty());
    CHECK(world.fenced() == R"(["pg-3"])");
    CHECK(world.engine->obligations(true).empty());
}

TEST_CASE("E9 a primary is stopped only where the Cluster allows it") {
    const std::string word = GENERATE(std::string("enabled"), std::string("true"));
    EdbWorld world;
    world.instance("pg-1", "primary");
    CHECK_THAT(world.error("Fence", EdbWorld::kArgs),
               Contains("instance pg-1 is the primary of the Cluster app/pg"));
    CHECK(world.read("notes").empty());
    EdbWorld other("{k8s.enterprisedb.io/snapshotAllowColdBackupOnPrimary: '" + word + "'}");
    other.instance("pg-1", "primary");
    std::ofstream(other.file("listed")).put('x');
    const Value done = other.run(std::string("[{func: Fence, name: fence, args: ") + EdbWorld::kArgs + "}]");
    CHECK(done.get("status", "state") == Value("complete"));
    CHECK(other.read("notes") == "pre\npost\n");
}

TEST_CASE("a PostgreSQL that runs on after its pre command is not taken for fenced") {
    EdbWorld world;
    world.instance("pg-2", "replica");
    std::ofstream(world.folder / "pgdata" / "postmaster.pid") << "1\n";
    std::ofstream(world.file("listed")).put('x');
    CHECK_THAT(world.error("Fence", EdbWorld::kArgs), Contains("PostgreSQL still runs in pod pg-2"));
    world.wait_for_notes("pre\npost\n");
}

}  // namespace fencepost::functions
