// Fence in mode cnpg: the Cluster's annotation, whose entries others keep too. A thread stands in for the
// managers in the instances' Pods: it ends and starts what the annotation fences.
#include "functions_world.h"

#include <atomic>

#include "run/listed_entry.h"

namespace fencepost::functions {

using Catch::Contains;

namespace {

const cluster::ResourceType kClusters{"postgresql.cnpg.io", "v1", "clusters"};
constexpr const char* kFenced = "cnpg.io/fencedInstances";

class CnpgWorld : public FunctionsWorld {
  public:
    CnpgWorld() {
        create(
            "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: "
            "clusters.postgresql.cnpg.io}, spec: {group: postgresql.cnpg.io, scope: Namespaced, names: "
            "{kind: Cluster, plural: clusters, singular: cluster}, versions: [{name: v1, served: true, "
            "storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: "
            "true}}}]}}");
        create("{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, metadata: {name: pg, namespace: app}}");
        program("psql", R"(case "${*: -1}" in
  *pg_is_in_recovery*) cat state ;;
  *pg_last_wal_replay_lsn*) echo "$REPLAYED" ;;
esac)");
        program("pg_controldata", R"(echo 'pg_control version number:            1300'
echo 'Database cluster state:               shut down in recovery'
echo 'Minimum recovery ending location:     0/5000060')");
        std::ofstream(file("state")) << "t not paused 0.5\n";
        managers_ = std::thread([this] {
            while (!is_over_) {
                try {
                    run_managers();
                } catch (const Error&) {
                    // The Cluster is gone, and they with it.
                }
                std::this_thread::sleep_for(std::chrono::milliseconds(5));
            }
        });
    }
    ~CnpgWorld() {
        is_over_ = true;
        managers_.join();
    }
    CnpgWorld(const CnpgWorld&) = delete;
    CnpgWorld& operator=(const CnpgWorld&) = delete;

    void instance(const std::string& name, const std::string& role, long replayed) {
        std::filesystem::create_directory(folder / name);
        std::ofstream(folder / name / "postmaster.pid") << "1\n";
        pod(name, ", labels: {cnpg.io/cluster: pg, cnpg.io/instanceRole: " + role + "}",
            "[{name: postgres, image: postgres, env: [{name: PATH, value: '" + folder.string() +
                ":/usr/bin:/bin'}, {name: PGDATA, value: " + file(name) + "}, {name: REPLAYED, value: '" +
                std::to_string(replayed) + "'}], command: [sleep, '100']}]");
    }
    Value annotations() { return get(kClusters, "pg").get("metadata", "annotations"); }
    std::string fenced() { return annotations()[kFenced].string_or(""); }
    void annotate(const std::string& list) {
        cluster->patch(
            {kClusters, "app", "pg"}, cluster::PatchType::kMerge,
            Value(Map{{"metadata", Value(Map{{"annotations", Value(Map{{kFenced, Value(list)}})}})}}));
    }
    void wait_fenced(const std::string& list) {
        eventually([&] { return fenced() == list; });
        CHECK(fenced() == list);
    }
    static constexpr const char* kFence =
        "{func: Fence, name: fence, args: {mode: cnpg, namespace: app, cluster: pg}}";
    static constexpr const char* kArgs = "{mode: cnpg, namespace: app, cluster: pg}";
    std::atomic<bool> is_stuck{false};  // PostgreSQL does not shut down

  private:
    void program(const std::string& name, const std::string& script) const {
        std::ofstream(file(name)) << "#!/bin/bash\ncd " << folder.string() << "\n" << script << "\n";
        std::filesystem::permissions(file(name), std::filesystem::perms(0755));
    }
    void run_managers() {
        if (is_stuck) return;
        const std::string list = fenced();
        for (const char* name : {"pg-1", "pg-2", "pg-3"}) {
            if (!std::filesystem::exists(folder / name)) continue;
            const auto pid = folder / name / "postmaster.pid";
            if (list.find(name) != std::string::npos)
                std::filesystem::remove(pid);
            else if (!std::filesystem::exists(pid))
                std::ofstream(pid) << "1\n";
        }
    }
    std::atomic<bool> is_over_{false};
    std::thread managers_;
};

}  // namespace

TEST_CASE("mode cnpg fences the replica that has replayed most, and Unfence takes its entry off again") {
    CnpgWorld world;
    world.instance("pg-1", "primary", 900);
    world.instance("pg-2", "replica", 100);
    world.instance("pg-3", "replica", 200);
    const Value done = world.run("[" + std::string(CnpgWorld::kFence) +
                                 ", {func: KubeExec, name: look, args: {namespace: app, pod: pg-3, command: "
                                 "[bash, -c, 'ls $PGDATA; sleep 0.1']}}, {func: Unfence, name: unfence, "
                                 "args: {namespace: app}}]");
    INFO(to_json(done, {.indent = "  "}));
    CHECK(done.get("status", "state") == Value("complete"));
    const Value& outputs = FunctionsWorld::phase(done)["output"];
    CHECK(outputs["pod"] == Value("pg-3"));
    CHECK(outputs["replayLsn"] == Value("0/5000060"));
    CHECK(FunctionsWorld::phase(done, 2)["output"] == parse_json(R"({"released":1})"));
    CHECK(world.annotations().map_or_empty().empty());
    CHECK_THAT(world.log_of("run-1"), Contains("shut down in recovery"));
}

TEST_CASE("what others fence meanwhile stays fenced, and C3 where they have fenced before us, nothing is") {
    CnpgWorld world;
    world.instance("pg-2", "replica", 100);
    const std::string name = world.start("[" + std::string(CnpgWorld::kFence) +
                                         ", {func: KubeExec, name: hold, args: {namespace: app, pod: pg-2, "
                                         "command: [bash, -c, 'until [ -e $PGDATA/go ]; do sleep 0.01; "
                                         "done']}}]");
    world.wait_fenced(R"(["pg-2"])");
    world.annotate(R"(["pg-1","pg-2","pg-3"])");
    std::ofstream(world.folder / "pg-2" / "go").put('x');
    CHECK(world.finish(name).get("status", "state") == Value("complete"));
    CHECK(world.fenced() == R"(["pg-1","pg-3"])");
    for (const char* others : {R"(["pg-3"])", R"(["*"])"}) {
        world.annotate(others);
        CHECK_THAT(world.error("Fence", CnpgWorld::kArgs),
                   Contains(std::string("the Cluster app/pg has fenced instances already: ") + others));
        CHECK(world.fenced() == others);
    }
    world.annotate("pg-2");
    CHECK_THAT(world.error("Fence", CnpgWorld::kArgs), Contains("is not a JSON array of strings: pg-2"));
    CHECK(world.fenced() == "pg-2");
}

TEST_CASE("a fence of the annotation that somebody else lifts in the middle fails the action") {
    CnpgWorld world;
    world.instance("pg-2", "replica", 100);
    bool is_placed = true;
    SECTION("while the backup goes on") {}
    SECTION("while it is being placed") { is_placed = false; }
    world.is_stuck = !is_placed;
    const std::string name =
        world.start("[" + std::string(CnpgWorld::kFence) +
                    ", {func: KubeExec, name: hold, args: {namespace: app, pod: pg-2, "
                    "command: [bash, -c, 'touch $PGDATA/held; until [ -e $PGDATA/go ]; do "
                    "sleep 0.01; done']}}, {func: Unfence, name: unfence, args: {}}]");
    world.wait_fenced(R"(["pg-2"])");
    if (is_placed) eventually([&] { return std::filesystem::exists(world.folder / "pg-2" / "held"); });
    world.annotate("[]");
    std::ofstream(world.folder / "pg-2" / "go").put('x');
    CHECK_THAT(FunctionsWorld::message(world.finish(name)),
               is_placed ? Contains("pg-2 in cnpg.io/fencedInstances") && Contains("is gone")
                         : Contains("lifted while it was being placed") && Contains("pg-2"));
    CHECK(world.fenced() == "[]");
    CHECK(world.annotations().map_or_empty().size() == 1);
}

TEST_CASE("mode cnpg lifts its fence at the time limit, and where PostgreSQL does not shut down") {
    CnpgWorld world;
    world.instance("pg-2", "replica", 100);
    world.is_stuck = true;
    const Value late =
        world.run("[{func: Fence, name: fence, timeout: 1s, args: " + std::string(CnpgWorld::kArgs) + "}]");
    CHECK(late.get("status", "state") == Value("failed"));
    CHECK(world.annotations().map_or_empty().empty());
    world.is_stuck = false;
    const std::string held = world.start(
        "[{func: Fence, name: fence, args: {mode: cnpg, namespace: app, cluster: pg, timeLimit: 2s}}, {func: "
        "KubeExec, name: hold, args: {namespace: app, pod: pg-2, command: [sleep, '4']}}]");
    world.wait_fenced(R"(["pg-2"])");
    world.wait_fenced("");
    CHECK_THAT(FunctionsWorld::message(world.finish(held)), Contains("deadline"));
    CHECK(world.engine->obligations(false).empty());
}

TEST_CASE("mode cnpg tells why no replica will do, and a hibernated Cluster needs no fence") {
    CnpgWorld world;
    CHECK_THAT(world.error("Fence", "{mode: cnpg, namespace: app}"), Contains("needs a cluster"));
    CHECK_THAT(world.error("Fence", "{mode: cnpg, namespace: app, cluster: none}"), Contains("none"));
    CHECK_THAT(world.error("Fence", CnpgWorld::kArgs), Contains("no pod matches 'cnpg.io/cluster=pg"));
    world.instance("pg-2", "replica", 100);
    std::ofstream(world.file("state")) << "t not paused 61.5\n";
    CHECK_THAT(world.error("Fence", "{mode: cnpg, namespace: app, cluster: pg, maxLag: 1m}"),
               Contains("pg-2: pod app/pg-2 lags 61.5"));
    CHECK(world.engine->obligations(true).empty());
    world.cluster->patch(
        {kClusters, "app", "pg"}, cluster::PatchType::kMerge,
        parse_yaml_value("{status: {conditions: [{type: cnpg.io/hibernation, status: 'True'}]}}"));
    CHECK(world.outputs("Fence", CnpgWorld::kArgs)["pod"] == Value(""));
    CHECK(world.annotations().map_or_empty().empty());
}

TEST_CASE("an entry is taken off by its own obligation alone, once, or is proved to be gone") {
    CnpgWorld world;
    const Value object = world.get(kClusters, "pg");
    const run::ListedEntry entry{.object = {kClusters, "app", "pg"},
                                 .uid = cluster::uid_of(object),
                                 .annotation = kFenced,
                                 .entry = "pg-2"};
    CHECK_THAT(run::unlist_entry(*world.cluster, entry, "obligation-1", {}),
               Contains("the mark of obligation-1") && Contains("is gone"));
    run::list_entry(*world.cluster, entry, "obligation-1", {});
    CHECK(run::is_still_listed(world.get(kClusters, "pg"), entry, "obligation-1"));
    CHECK_THROWS_WITH(run::list_entry(*world.cluster, entry, "obligation-2", {}),
                      Contains("pg-2 is listed already in cnpg.io/fencedInstances"));
    CHECK_THAT(run::unlist_entry(*world.cluster, entry, "obligation-2", {}), Contains("is gone"));
    CHECK(world.fenced() == R"(["pg-2"])");
    CHECK(run::unlist_entry(*world.cluster, entry, "obligation-1", {}).empty());
    CHECK(world.annotations().map_or_empty().empty());
    world.cluster->remove({kClusters, "app", "pg"});
    CHECK_THAT(run::unlist_entry(*world.cluster, entry, "obligation-1", {}), Contains("is gone"));
    CHECK(run::ListedEntry::from_value(entry.to_value()).to_value() == entry.to_value());
}

}  // namespace fencepost::functions
