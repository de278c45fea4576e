// PrepareData: a Pod of its own that mounts volumes.
#include "functions_world.h"

namespace fencepost::functions {

using Catch::Contains;

namespace {

void claim(FunctionsWorld& world, const std::string& name, const std::string& mode = "ReadWriteOnce") {
    world.create("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: " + name +
                 ", namespace: app}, spec: {accessModes: [" + mode +
                 "], resources: {requests: {storage: 1Gi}}}}");
}

}  // namespace

TEST_CASE("PrepareData's command sees the volumes at their paths, and its outputs are the phase's") {
    FunctionsWorld world;
    claim(world, "data");
    (void)world.outputs("PrepareData",
                        "{namespace: app, image: debian, volumes: {data: /mnt/d}, command: [bash, -c, 'echo "
                        "kept > /mnt/d/f']}");
    const Value outputs = world.outputs(
        "PrepareData",
        "{namespace: app, image: debian, volumes: {data: /mnt/other}, failOnError: true, command: "
        "[bash, -c, 'v=$(cat /mnt/other/f); " +
            marker("found", "$v") + "']}");
    CHECK(outputs == parse_json(R"({"found":"kept"})"));
}

TEST_CASE("without volumes PrepareData mounts those of the subject's Pods") {
    FunctionsWorld world;
    claim(world, "data-a");
    world.create(
        "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db, namespace: app}, spec: {replicas: 1, "
        "serviceName: db, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, "
        "spec: "
        "{terminationGracePeriodSeconds: 0, containers: [{name: main, image: debian, command: [bash, -c, "
        "'echo of-the-app > /tmp/db-data/f; sleep 100'], volumeMounts: [{name: v, mountPath: "
        "/tmp/db-data}]}], volumes: [{name: v, persistentVolumeClaim: {claimName: data-a}}]}}}}");
    REQUIRE(eventually(
        [&] { return world.get(types::kStatefulSets, "db").get("status", "readyReplicas").int_or(0) == 1; }));
    const Value outputs = world.outputs(
        "PrepareData",
        "{namespace: app, image: debian, failOnError: true, command: [bash, -c, 'until [ -s "
        "/mnt/prepare_data/data-a/f ]; do sleep 0.01; done; v=$(cat /mnt/prepare_data/data-a/f); " +
            marker("found", "$v") + "']}",
        "", "{apiVersion: apps/v1, resource: statefulsets, kind: StatefulSet, name: db, namespace: app}");
    CHECK(outputs == parse_json(R"({"found":"of-the-app"})"));
    CHECK_THAT(world.error("PrepareData", "{namespace: app, image: debian, command: ['true']}"),
               Contains("Failed to get volumes"));
}

TEST_CASE("a command of PrepareData that fails fails the phase only where that was asked for") {
    FunctionsWorld world;
    claim(world, "data");
    const std::string args =
        "{namespace: app, image: debian, volumes: {data: /mnt/d}, command: [bash, -c, "
        "'echo tried; exit 3']";
    const Value done = world.run("[{func: PrepareData, name: one, args: " + args + "}}]");
    CHECK(done.get("status", "state") == Value("complete"));
    CHECK_THAT(world.log_of(cluster::name_of(done)), Contains("tried") && Contains("exit code 3"));
    CHECK_THAT(world.error("PrepareData", args + ", failOnError: true}"), Contains("exit code 3"));
    CHECK_THAT(world.error("PrepareData", args + ", failOnError: maybe}"), Contains("failOnError"));
}

TEST_CASE("PrepareData mounts what many may only read read-only, under its account and Kanister's name") {
    FunctionsWorld world;
    claim(world, "shared", "ReadOnlyMany");
    const std::string run = world.start(
        "[{func: PrepareData, name: one, args: {namespace: app, image: debian, volumes: {shared: /mnt/s}, "
        "serviceaccount: mover, failOnError: true, command: [bash, -c, '! touch /mnt/s/f; until [ -e " +
        world.file("go") + " ]; do sleep 0.01; done']}}]");
    const Value pod = world.wait_for_job_pod("app");
    std::ofstream(world.file("go")).put('x');
    CHECK(world.finish(run).get("status", "state") == Value("complete"));
    CHECK_THAT(cluster::name_of(pod), Catch::Matches("prepare-data-job-[0-9a-f]{10}"));
    CHECK(pod.get("spec", "serviceAccountName") == Value("mover"));
    CHECK(pod.get("spec", "containers").as_list().at(0)["volumeMounts"].as_list().at(0)["readOnly"] ==
          Value(true));
    CHECK_THAT(world.error("PrepareData",
                           "{namespace: app, image: debian, command: ['true'], volumes: {nowhere: /mnt/d}}"),
               Contains("Failed to retrieve PVC") && Contains("nowhere"));
    CHECK_THAT(world.error("PrepareData",
                           "{namespace: app, image: debian, command: ['true'], volumes: {shared: here}}"),
               Contains("'here'") && Contains("not absolute"));
}

}  // namespace fencepost::functions
