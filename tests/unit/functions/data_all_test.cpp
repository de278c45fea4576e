// BackupDataAll, RestoreDataAll and DeleteDataAll: a real StatefulSet of two Pods with a volume each.
#include "data_world.h"
#include "tests/unit/eventually.h"

namespace fencepost::functions {

using Catch::Contains;

namespace {

constexpr const char* kSet = "{kind: StatefulSet, name: db, namespace: app}";
constexpr const char* kAll = "{namespace: app, backupArtifactPrefix: apps/db";

class SetWorld : public DataWorld {
  public:
    SetWorld() {
        create(
            "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, namespace: app}, spec: {replicas: "
            "2, selector: {matchLabels: {app: db}}, volumeClaimTemplates: [{metadata: {name: data}, spec: "
            "{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}], template: {metadata: "
            "{labels: {app: db}}, spec: {terminationGracePeriodSeconds: 0, containers: [{name: main, image: "
            "debian, command: [sleep, '100'], volumeMounts: [{name: data, mountPath: /mnt/d}]}]}}}}");
        REQUIRE(eventually(
            [&] { return get(types::kStatefulSets, "db").get("status", "readyReplicas").int_or(0) == 2; }));
    }
    // In both Pods; $HOSTNAME is the Pod's name.
    static std::string everywhere(const std::string& name, const std::string& script) {
        return "{func: KubeExecAll, name: " + name +
               ", args: {namespace: app, pods: db-0 db-1, containers: main, command: [bash, -c, '" + script +
               "']}}";
    }
    Value must(const std::string& phases) {
        Value done = run("[" + phases + "]", kProfile, "", kSet);
        INFO(to_json(done, {.indent = "  "}));
        REQUIRE(done.get("status", "state") == Value("complete"));
        return done;
    }
    std::string says(const std::string& function, const std::string& args) {
        return error(function, args, kProfile, kSet);
    }
    std::string back_up_all(const std::string& more = "") {
        const Value all = outputs(
            "BackupDataAll", kAll + (", container: main, includePath: /mnt/d" + more) + "}", kProfile, kSet);
        CHECK(all["version"] == Value("v0.0.0"));
        return all["BackupAllInfo"].as_string();
    }
};

}  // namespace

TEST_CASE(
    "BackupDataAll stores every Pod's volume, RestoreDataAll brings them back while the Pods are down") {
    SetWorld world;
    (void)world.must(SetWorld::everywhere("fill", "mkdir /mnt/d/sub; echo of $HOSTNAME > /mnt/d/sub/f"));
    const std::string text = world.back_up_all();
    const Value info = parse_json(text);
    REQUIRE(info.as_map().size() == 2);
    for (const std::string pod : {"db-0", "db-1"}) {
        CHECK(info[pod]["PodName"] == Value(pod));
        CHECK_THAT(info[pod]["BackupTag"].as_string(), Catch::Matches("[a-z0-9]{10}"));
        if (!have_restic()) continue;
        CHECK_THAT(world.restic("check --read-data", "apps/db/" + pod), Contains("no errors were found"));
        CHECK(world.restic("dump " + info[pod]["BackupID"].as_string() + " /mnt/d/sub/f", "apps/db/" + pod) ==
              "of " + pod + "\n");
    }

    const std::string restore = kAll + (", image: debian, backupInfo: '" + text + "'");
    const Value done =
        world.must(SetWorld::everywhere("lose", "rm -r /mnt/d/sub") +
                   ", {func: ScaleWorkload, name: stop, args: {replicas: 0}}"
                   ", {func: RestoreDataAll, name: fetch, args: " +
                   restore + "}}, {func: ScaleWorkload, name: start, args: {replicas: 2}}, " +
                   SetWorld::everywhere("look", "v=$(cat /mnt/d/sub/f); [ \"$v\" = \"of $HOSTNAME\" ]"));
    CHECK_THAT(world.log_of(cluster::name_of(done)),
               Contains("pod 'db-0' has its files of " + info["db-0"]["BackupID"].as_string()) &&
                   Contains("pod 'db-1' has its files of " + info["db-1"]["BackupID"].as_string()));
    CHECK(world.job_pods("app").empty());

    // Of one Pod alone, named twice.
    const Value part = world.must("{func: RestoreDataAll, name: fetch, args: " + restore +
                                  ", pods: db-1 db-1, restorePath: /mnt/d/again}}, " +
                                  SetWorld::everywhere("look",
                                                       "test -e /mnt/d/again -o $HOSTNAME = db-0 && test ! "
                                                       "-e /mnt/d/again -o $HOSTNAME = db-1"));
    CHECK_THAT(world.log_of(cluster::name_of(part)), Contains("the backup of pod 'db-0' is not restored"));

    const std::string remove = kAll + (", backupInfo: '" + text + "'}");
    CHECK(world.outputs("DeleteDataAll", remove, kProfile, kSet)["spaceFreed"] == Value("0 B"));
    for (const std::string pod : {"db-0", "db-1"}) {
        if (have_restic())
            CHECK_THAT(world.restic("snapshots --json", "apps/db/" + pod),
                       Contains("[]") || Contains("null"));
    }
    // Again is no error, for an attempt that was interrupted; a restore of it is one, before any Pod is made.
    const std::string reclaim = kAll + (", backupInfo: '" + text + "', reclaimSpace: true}");
    CHECK_THAT(world.outputs("DeleteDataAll", reclaim, kProfile, kSet)["spaceFreed"].as_string(),
               Catch::Matches("[1-9][0-9]* B"));
    const std::string gone = world.says("RestoreDataAll", restore + "}");
    CHECK_THAT(gone, Contains("Failed to restore data for pod 'db-0': there is no snapshot") &&
                         Contains("Failed to restore data for pod 'db-1': there is no snapshot"));
}

TEST_CASE("a restore of a set that it has scaled down goes on after a restart of the daemon") {
    SetWorld world;
    (void)world.must(SetWorld::everywhere("fill", "echo of $HOSTNAME > /mnt/d/f"));
    const std::string info = world.back_up_all();
    const std::string name = world.start(
        "[" + SetWorld::everywhere("lose", "rm /mnt/d/f") +
            ", {func: ScaleWorkload, name: stop, args: {replicas: 0}}"
            ", {func: KubeTask, name: pause, args: {namespace: app, image: debian, command: [bash, -c, "
            "'until [ -e " +
            world.file("go") +
            " ]; do sleep 0.01; done']}}"
            ", {func: RestoreDataAll, name: fetch, args: " +
            kAll + ", image: debian, backupInfo: '" + info +
            "'}}, {func: ScaleWorkload, name: start, args: {replicas: 2}}, " +
            SetWorld::everywhere("look", "v=$(cat /mnt/d/f); [ \"$v\" = \"of $HOSTNAME\" ]") + "]",
        kProfile, "", kSet);
    (void)world.wait_for_job_pod("app");
    world.restart();
    std::ofstream(world.file("go")).put('x');
    const Value done = world.finish(name);
    INFO(to_json(done, {.indent = "  "}));
    CHECK(done.get("status", "state") == Value("complete"));
}

TEST_CASE("a Pod whose backup fails fails BackupDataAll, which tells what it stored of the others") {
    SetWorld world;
    (void)world.must(SetWorld::everywhere("fill", "[ $HOSTNAME = db-1 ] || echo row > /mnt/d/rows"));
    const std::string message =
        world.says("BackupDataAll", kAll + std::string(", container: main, includePath: /mnt/d/rows}"));
    CHECK_THAT(message, Contains("Failed to backup data for pod 'db-1'") && Contains("there is no file or") &&
                            !Contains("for pod 'db-0'"));
    const std::size_t begin = message.find("what was backed up before it failed: ");
    REQUIRE(begin != std::string::npos);
    const Value told = parse_json(message.substr(message.find('{', begin)));
    REQUIRE(told.as_map().size() == 1);
    // It can be used as it is.
    (void)world.outputs("RestoreDataAll",
                        kAll + (", image: debian, pods: db-0, backupInfo: '" + to_json(told)) + "'}",
                        kProfile, kSet);
}

TEST_CASE("what is wrong with the backups of several Pods is told before anything is made") {
    SetWorld world;
    const std::string text = world.back_up_all(", pods: db-0");
    CHECK(parse_json(text).as_map().size() == 1);
    const auto says = [&](const std::string& function, const std::string& more, const std::string& expected) {
        CHECK_THAT(world.says(function, kAll + more + "}"), Contains(expected));
    };
    const std::string backup = ", container: main, includePath: /mnt/d";
    says("BackupDataAll", backup + ", encryptionKey: other, pods: db-0", "for pod 'db-0'");
    says("BackupDataAll", backup + ", encryptionKey: other, pods: db-0", "does not open");
    says("BackupDataAll", backup + ", pods: db-7", "for pod 'db-7'");
    CHECK_THAT(world.error("BackupDataAll", kAll + backup + "}", kProfile), Contains("Failed to get pods"));
    CHECK_THAT(world.error("BackupDataAll", kAll + backup + "}", "", kSet), Contains("must be non-nil"));
    const std::string restore = ", image: debian, backupInfo: ";
    says("RestoreDataAll", restore + "'" + text + "'", "has no backup of pod 'db-1'");
    says("RestoreDataAll", restore + "'" + text + "', pods: db-0, encryptionKey: other", "does not open");
    says("RestoreDataAll", restore + "'{\"db-7\": {\"BackupID\": \"ab\"}}', pods: db-7",
         "No volumes found: pod 'db-7'");
    says("RestoreDataAll", restore + "'[]'", "no JSON object");
    says("RestoreDataAll", restore + "'{'", "Could not decode JSON data");
    says("RestoreDataAll", restore + "'{\"db-0\": {}}'", "no BackupID of pod 'db-0'");
    says("DeleteDataAll", ", backupInfo: '{}'", "names no backup");
    says("DeleteDataAll", ", backupInfo: '" + text + "', encryptionKey: other", "the backup of pod 'db-0'");
    CHECK(world.job_pods("app").empty());
}

}  // namespace fencepost::functions
