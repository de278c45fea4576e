// Fence and Unfence: the hooks that EDB's external backup adapter publishes, and WAL replay.
#include "functions_world.h"

#include "base/encodings.h"

namespace fencepost::functions {

using Catch::Contains;
using Catch::EndsWith;

namespace {

constexpr const char* kPrefix = "kasten-enterprisedb.io/";

// Pods whose hooks note their name in the file `notes`.
class FenceWorld : public FunctionsWorld {
  public:
    std::string hook(const std::string& name, const std::string& script = "true") const {
        return "'[\"bash\", \"-c\", \"echo " + name + " >> " + file("notes") + "; " + script + "\"]'";
    }
    Value elected(const std::string& name, const std::string& pre = "true", const std::string& more = "") {
        const std::string p = kPrefix;
        return pod(name, ", labels: {" + p + "hasHooks: 'true'}, annotations: {" + p +
                             "pre-backup-command: " + hook("pre", pre) + ", " + p +
                             "post-backup-command: " + hook("post") + ", " + p +
                             "pre-backup-on-error: " + hook("on-error") + more + "}");
    }
    std::string notes() const { return read("notes"); }
    List obligations(bool all = true) const { return engine->obligations(all); }
    static constexpr const char* kArgs =
        "{namespace: app, labelSelector: kasten-enterprisedb.io/hasHooks=true}";
    static constexpr const char* kFence =
        "[{func: Fence, name: fence, args: {namespace: app, labelSelector: "
        "kasten-enterprisedb.io/hasHooks=true}}";
};

}  // namespace

TEST_CASE("Fence runs the pre command and tells the Pod; Unfence runs the post command on it") {
    FenceWorld world;
    const Value pod = world.elected("pg-2");
    const Value done =
        world.run(std::string(FenceWorld::kFence) +
                  ", {func: KubeExec, name: dump, args: {namespace: app, pod: pg-2, command: [bash, -c, "
                  "'echo dump >> " +
                  world.file("notes") + "']}}, {func: Unfence, name: unfence, args: {namespace: app}}]");
    INFO(to_json(done, {.indent = "  "}));
    CHECK(done.get("status", "state") == Value("complete"));
    CHECK(world.notes() == "pre\ndump\npost\n");
    const Value& outputs = FunctionsWorld::phase(done)["output"];
    CHECK(outputs["pod"] == Value("pg-2"));
    CHECK(outputs["podUid"] == Value(cluster::uid_of(pod)));
    CHECK_NOTHROW(parse_rfc3339(outputs["fencedAt"].string_or("")));
    CHECK(FunctionsWorld::phase(done, 2)["output"] == parse_json(R"({"released":1})"));
    const List obligations = world.obligations();
    REQUIRE(obligations.size() == 1);
    const Value& obligation = obligations.front();
    CHECK(obligation["id"] == outputs["obligation"]);
    CHECK(obligation["state"] == Value("released"));
    CHECK(obligation["reason"] == Value("unfence"));
    CHECK(obligation["kind"] == Value("fence"));
}

TEST_CASE("an action that ends without Unfence releases its fence, also when it fails") {
    FenceWorld world;
    world.elected("pg-2");
    CHECK(world.run(std::string(FenceWorld::kFence) + "]").get("status", "state") == Value("complete"));
    CHECK(world.notes() == "pre\npost\n");
    CHECK(world
              .run(std::string(FenceWorld::kFence) +
                   ", {func: KubeExec, name: dump, args: {namespace: app, pod: pg-2, command: ['false']}}]")
              .get("status", "state") == Value("failed"));
    CHECK(world.notes() == "pre\npost\npre\npost\n");
    CHECK(world.obligations(false).empty());
}

TEST_CASE("every Pod that matches is fenced; when one of them cannot be, all are released") {
    FenceWorld world;
    world.elected("pg-1");
    world.elected("pg-2", "[ ! -e " + world.file("refuse") + " ]");
    const Value both = world.run(std::string(FenceWorld::kFence) + "]");
    CHECK(FunctionsWorld::phase(both)["output"]["pod"] == Value("pg-1 pg-2"));
    std::ofstream(world.file("refuse")).put('x');
    std::filesystem::remove(world.file("notes"));
    CHECK(world.run(std::string(FenceWorld::kFence) + "]").get("status", "state") == Value("failed"));
    CHECK(world.notes() == "pre\npre\non-error\npost\n");
    CHECK(world.obligations(false).empty());
}

TEST_CASE("Fence's mistakes are told, and nothing is fenced") {
    FenceWorld world;
    CHECK_THAT(world.error("Fence", FenceWorld::kArgs),
               Contains("no running pod in namespace 'app'") && Contains("nothing to fence"));
    CHECK_THAT(world.error("Fence", "{namespace: app}"), Contains("labelSelector or pods"));
    CHECK_THAT(world.error("Fence", "{namespace: app, pods: [nobody]}"), Contains("nobody"));
    CHECK_THAT(world.error("Fence", "{labelSelector: a=b}"), Contains("Required arg missing: namespace"));
    world.pod("plain");
    CHECK_THAT(world.error("Fence", "{namespace: app, pods: plain}"),
               Contains("pod plain has no annotation kasten-enterprisedb.io/pre-backup-command"));
    CHECK_THAT(world.error("Fence", "{namespace: app, pods: plain, mode: stop}"),
               Contains("unknown mode 'stop'"));
    for (const char* command : {"/bin/sh -c true", "[]", "[1]", "{}", "[\"a\"", "\"sh\""}) {
        INFO(command);
        const std::string name = "odd-" + std::to_string(std::string(command).size());
        Value pod = parse_yaml_value("{apiVersion: v1, kind: Pod, metadata: {name: " + name +
                                     ", namespace: app}, spec: {terminationGracePeriodSeconds: 0, "
                                     "containers: [{name: main, image: debian, command: [sleep, '100']}]}}");
        pod["metadata"]["annotations"][std::string(kPrefix) + "pre-backup-command"] = command;
        pod["metadata"]["annotations"][std::string(kPrefix) + "post-backup-command"] = "[\"true\"]";
        if (world.cluster->list(types::kPods, {.ns = "app", .field_selector = "metadata.name=" + name})
                .items.empty()) {
            world.cluster->create(types::kPods, pod);
        } else {
            world.cluster->patch({types::kPods, "app", name}, cluster::PatchType::kMerge,
                                 Value(Map{{"metadata", pod["metadata"]}}));
        }
        world.wait_for(
            name, [](const Value& seen) { return seen.get("status", "phase").string_or("") == "Running"; });
        CHECK_THAT(world.error("Fence", "{namespace: app, pods: " + name + "}"),
                   Contains("is not a JSON array of strings"));
    }
    CHECK(world.obligations().empty());
}

TEST_CASE("the annotations' prefix and containers are the ones that are told") {
    FenceWorld world;
    world.pod("pg",
              ", annotations: {my/pre-backup-command: " + world.hook("pre-$ME") +
                  ", my/post-backup-command: " + world.hook("post-$ME") +
                  ", my/pre-backup-container: b, my/post-backup-container: a}",
              "[{name: a, image: debian, env: [{name: ME, value: a}], command: [sleep, '100']}, {name: b, "
              "image: debian, env: [{name: ME, value: b}], command: [sleep, '100']}]");
    CHECK(world.run("[{func: Fence, name: one, args: {namespace: app, pods: pg, annotationPrefix: my}}]")
              .get("status", "state") == Value("complete"));
    CHECK(world.notes() == "pre-b\npost-a\n");
}

TEST_CASE("Unfence releases only what its arguments name, and finding nothing is no error") {
    FenceWorld world;
    world.elected("pg-2");
    CHECK(world.outputs("Unfence", "{}") == parse_json(R"({"released":0})"));
    const Value done = world.run(
        std::string(FenceWorld::kFence) +
        ", {func: Unfence, name: other, args: {namespace: elsewhere}}, {func: Unfence, name: none, args: "
        "{obligations: [obligation-unknown]}}, {func: Unfence, name: mine, args: {obligations: '{{ "
        ".Phases.fence.Output.obligation }}'}}]");
    CHECK(done.get("status", "state") == Value("complete"));
    CHECK(FunctionsWorld::phase(done, 1)["output"] == parse_json(R"({"released":0})"));
    CHECK(FunctionsWorld::phase(done, 2)["output"] == parse_json(R"({"released":0})"));
    CHECK(FunctionsWorld::phase(done, 3)["output"] == parse_json(R"({"released":1})"));
    CHECK(world.notes() == "pre\npost\n");
}

TEST_CASE("a fence past its time limit is lifted while the action goes on, and that fails the action") {
    FenceWorld world;
    world.elected("pg-2");
    const Value done = world.run(
        "[{func: Fence, name: fence, args: {namespace: app, pods: pg-2, timeLimit: 2s}}, {func: KubeExec, "
        "name: dump, args: {namespace: app, "
        "pod: pg-2, command: [bash, -c, 'until grep -q post " +
        world.file("notes") + "; do sleep 0.02; done']}}]");
    CHECK(done.get("status", "state") == Value("failed"));
    CHECK_THAT(FunctionsWorld::message(done), Contains("deadline"));
    CHECK(world.notes() == "pre\npost\n");
}

TEST_CASE("an undo that fails leaves the obligation open and is tried again until it works") {
    FenceWorld world;
    world.pod("pg", ", annotations: {my/pre-backup-command: " + world.hook("pre") +
                        ", my/post-backup-command: " +
                        world.hook("post", "test -e " + world.file("tried") + " || { touch " +
                                               world.file("tried") + "; exit 1; }") +
                        "}");
    const Value done =
        world.run("[{func: Fence, name: fence, args: {namespace: app, pods: pg, annotationPrefix: my}}]");
    CHECK(done.get("status", "state") == Value("failed"));
    CHECK_THAT(FunctionsWorld::message(done), Contains("the undo command ended with exit code 1"));
    CHECK(eventually([&] { return world.obligations(false).empty(); }));
    CHECK(world.notes() == "pre\npost\npost\n");
    CHECK(world.obligations().front()["attempts"] == Value(1));
}

TEST_CASE("the obligation is stored before the pre command begins") {
    FenceWorld world;
    world.elected("pg-2", "sleep 0.5");
    const std::string name = world.start(std::string(FenceWorld::kFence) + "]");
    CHECK(eventually([&] { return !world.notes().empty(); }));
    CHECK(world.engine->obligations(false).size() == 1);
    CHECK(world.finish(name).get("status", "state") == Value("complete"));
}

TEST_CASE("a fence whose time limit passes while it is being placed is lifted after it was placed") {
    FenceWorld world;
    world.pod("slow", ", annotations: {my/pre-backup-command: '[\"bash\", \"-c\", \"sleep 1.5; echo pre >> " +
                          world.file("notes") + "\"]', my/post-backup-command: " + world.hook("post") + "}");
    const Value done = world.run(
        "[{func: Fence, name: fence, args: {namespace: app, pods: slow, annotationPrefix: my, timeLimit: "
        "1s}}]");
    CHECK(done.get("status", "state") == Value("failed"));
    CHECK(eventually([&] { return world.engine->obligations(false).empty(); }));
    CHECK_THAT(world.notes(), EndsWith("pre\npost\n"));
}

namespace {

// A Pod whose psql is a script: it answers what the files beside it say, and notes what it was asked.
class ReplayWorld : public FunctionsWorld {
  public:
    ReplayWorld() {
        std::ofstream(file("psql")) << "#!/bin/bash\ncd " << folder.string() << R"(
sql="${*: -1}"
echo "$sql" >> asked
case "$sql" in
  *pg_is_in_recovery*) cat state ;;
  *pg_wal_replay_pause\(\)*) echo "${PAUSED:-paused}" > pause ;;
  *pg_wal_replay_resume*) [ ! -e stuck ] && echo 'not paused' > pause ;;
  *pg_get_wal_replay_pause_state*) cat pause ;;
  *pg_last_wal_replay_lsn*) echo 0/3000060 ;;
esac
)";
        std::filesystem::permissions(file("psql"), std::filesystem::perms(0755));
        pod("replica", "",
            "[{name: pg, image: postgres, env: [{name: PATH, value: '" + folder.string() +
                ":/usr/bin:/bin'}], command: [sleep, '100']}]");
    }
    void state(const std::string& text) const { std::ofstream(file("state")) << text << "\n"; }
    std::string fence(const std::string& more = "") const {
        return "{mode: replay, namespace: app, pods: replica" + more + "}";
    }
};

}  // namespace

TEST_CASE("mode replay pauses a replica's WAL replay and resumes it at the end") {
    ReplayWorld world;
    world.state("t not paused 0.5");
    const Value outputs =
        world.outputs("Fence", world.fence(", maxLag: 60s, port: 5433, user: postgres, database: app"));
    CHECK(outputs["replayLsn"] == Value("0/3000060"));
    CHECK(outputs["pod"] == Value("replica"));
    CHECK_THAT(world.read("asked"), Contains("pg_wal_replay_pause()") && Contains("pg_wal_replay_resume()"));
    CHECK(world.read("pause") == "not paused\n");
    CHECK(world.engine->obligations(true).front()["kind"] == Value("walReplayPause"));
}

TEST_CASE("mode replay refuses a primary, a replica that lags, and one that somebody else has paused") {
    ReplayWorld world;
    world.state("f  0");
    CHECK_THAT(world.error("Fence", world.fence()), Contains("not a streaming replica"));
    world.state("t not paused 61.5");
    CHECK_THAT(world.error("Fence", world.fence(", maxLag: 1m")),
               Contains("lags 61.5") && Contains("maxLag 1m"));
    world.state("t paused 0");
    CHECK_THAT(world.error("Fence", world.fence()), Contains("paused already"));
    world.state("t pause requested 0");
    CHECK_THAT(world.error("Fence", world.fence()), Contains("paused already"));
    CHECK_THAT(world.read("asked"), !Contains("pg_wal_replay_resume") && !Contains("pg_wal_replay_pause()"));
    CHECK(world.engine->obligations(true).empty());
}

}  // namespace fencepost::functions
