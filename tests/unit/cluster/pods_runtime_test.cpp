#include "pods_world.h"

#include <sys/stat.h>

using namespace fencepost;
using namespace fencepost::cluster;
using namespace fencepost::cluster::local;

namespace {

const char* const kSecret = "metadata: {name: s, namespace: ns}\ndata: {user: YWRtaW4=, password: cGFzcw==}";

}  // namespace

TEST_CASE("a pod runs to success, with its status and its log as it wrote it") {
    PodWorld world;
    world.pod("hello", "command: [sh, -c, \"echo out; echo err >&2; printf end\"]");
    const Value pod = world.wait_phase("hello", "Succeeded");
    const Value state = PodWorld::main_state(pod);
    CHECK(state.get("terminated", "exitCode").as_int() == 0);
    CHECK(state.get("terminated", "reason").as_string() == "Completed");
    CHECK(pod.get("status", "podIP").as_string() == "127.0.0.1");
    CHECK(pod.get("status", "containerStatuses").as_list()[0]["imageID"].as_string() == "host");
    CHECK(world.logs("hello").size() == 11);
    CHECK(world.logs("hello").ends_with("end"));
    CHECK(world.logs("hello", {.tail_lines = 1}) == "end");
    CHECK(world.logs("hello", {.limit_bytes = 3}).size() == 3);
}

TEST_CASE("exit codes, signals and commands that are not there are told apart") {
    PodWorld world;
    world.pod("three", "command: [sh, -c, exit 3]");
    world.pod("killed", "command: [sh, -c, kill -9 $$$$]");
    world.pod("absent", "command: [no-such-program]");
    CHECK(PodWorld::main_state(world.wait_phase("three", "Failed")).get("terminated", "exitCode").as_int() ==
          3);
    const Value killed = PodWorld::main_state(world.wait_phase("killed", "Failed"));
    CHECK(killed.get("terminated", "exitCode").as_int() == 137);
    CHECK(killed.get("terminated", "signal").as_int() == 9);
    const Value absent = PodWorld::main_state(world.wait_phase("absent", "Failed"));
    CHECK(absent.get("terminated", "reason").as_string() == "StartError");
    CHECK(absent.get("terminated", "exitCode").as_int() == 128);
    CHECK(absent.get("terminated", "message").as_string() ==
          "exec: \"no-such-program\": executable file not found in $PATH");
}

TEST_CASE("init containers run in order, and a failed one fails the pod") {
    PodWorld world;
    world.pod("ordered", "command: [cat, /work/trace]\n    volumeMounts: [{name: w, mountPath: /work}]",
              "restartPolicy: Never\n  volumes: [{name: w, emptyDir: {}}]\n  initContainers:\n"
              "  - {name: one, command: [sh, -c, \"sleep 0.1; echo one >> /work/trace\"], volumeMounts: "
              "[{name: w, mountPath: /work}]}\n"
              "  - {name: two, command: [sh, -c, \"echo two >> /work/trace\"], volumeMounts: [{name: w, "
              "mountPath: /work}]}");
    world.pod("broken", "command: [\"true\"]",
              "restartPolicy: Never\n  initContainers:\n  - {name: one, command: [\"false\"]}");
    world.wait_phase("ordered", "Succeeded");
    CHECK(world.logs("ordered") == "one\ntwo\n");
    const Value broken = world.wait_phase("broken", "Failed");
    CHECK(broken.get("status", "initContainerStatuses")
              .as_list()[0]
              .get("state", "terminated", "exitCode")
              .as_int() == 1);
    CHECK(broken.get("status", "containerStatuses")
              .as_list()[0]
              .get("state", "waiting", "reason")
              .as_string() == "PodInitializing");
}

TEST_CASE("OnFailure restarts until it works, and the run before can be read") {
    PodWorld world;
    world.pod("again",
              "command: [sh, -c, \"echo run; test -e /work/x || { touch /work/x; exit 4; }\"]\n"
              "    volumeMounts: [{name: w, mountPath: /work}]",
              "restartPolicy: OnFailure\n  volumes: [{name: w, emptyDir: {}}]");
    const Value pod = world.wait_phase("again", "Succeeded");
    const Value& status = pod.get("status", "containerStatuses").as_list()[0];
    CHECK(status["restartCount"].as_int() == 1);
    CHECK(status.get("lastState", "terminated", "exitCode").as_int() == 4);
    CHECK(world.logs("again", {.previous = true}) == "run\n");
}

TEST_CASE("environment comes from values, Secrets, ConfigMaps and fields, and a missing key is named") {
    PodWorld world;
    world.apply(types::kSecrets, kSecret);
    world.apply(types::kConfigMaps, "metadata: {name: c, namespace: ns}\ndata: {COLOR: green}");
    world.pod("env",
              "command: [sh, -c, \"echo $A $B $P_COLOR $NAME $HOSTNAME $(A) '$$(A)'\"]\n    env:\n"
              "    - {name: A, value: one}\n    - {name: B, value: $(A)-$(NONE)}\n"
              "    - {name: PW, valueFrom: {secretKeyRef: {name: s, key: password}}}\n"
              "    - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}\n"
              "    envFrom: [{prefix: P_, configMapRef: {name: c}}]");
    world.wait_phase("env", "Succeeded");
    CHECK(world.logs("env") == "one one-$(NONE) green env env one $(A)\n");

    world.pod("keyless",
              "command: [\"true\"]\n    env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]");
    const Value pod = world.wait(types::kPods, "keyless", [](const Value& one) {
        return !one.get("status", "containerStatuses").is_nil();
    });
    CHECK(PodWorld::main_state(pod).get("waiting", "reason").as_string() == "CreateContainerConfigError");
    CHECK(PodWorld::main_state(pod).get("waiting", "message").as_string() ==
          "couldn't find key k in Secret ns/s");
}

TEST_CASE("a container that waits for its Secret starts when it comes") {
    PodWorld world;
    world.pod("early",
              "command: [cat, /etc/creds/user]\n    volumeMounts: [{name: v, mountPath: /etc/creds, "
              "readOnly: true}]",
              "restartPolicy: Never\n  volumes: [{name: v, secret: {secretName: s}}]");
    world.wait(types::kPods, "early",
               [](const Value& one) { return !one.get("status", "containerStatuses").is_nil(); });
    world.apply(types::kSecrets, kSecret);
    world.wait_phase("early", "Succeeded");
    CHECK(world.logs("early") == "admin");
    CHECK(!std::filesystem::exists("/etc/creds"));
}

TEST_CASE("what the embedded cluster does not have fails clearly") {
    PodWorld world;
    world.pod("nfs", "command: [\"true\"]", "restartPolicy: Never\n  volumes: [{name: v, nfs: {server: a}}]");
    world.apply(types::kPods,
                "metadata: {name: bare, namespace: ns}\nspec: {containers: [{name: main, image: nginx}]}");
    const Value nfs = world.wait_phase("nfs", "Failed");
    CHECK(nfs.get("status", "reason").as_string() == "Unsupported");
    CHECK_THAT(nfs.get("status", "message").as_string(), Catch::Contains("volume \"v\" is of type nfs"));
    CHECK_THAT(world.wait_phase("bare", "Failed").get("status", "message").as_string(),
               Catch::Contains("has no command"));
}

TEST_CASE("exec has the container's mounts, environment and exit codes, and keeps stdout and stderr apart") {
    PodWorld world;
    world.pod(
        "pg",
        "command: [sh, -c, \"echo made > /deep/er/file; exec sleep 60\"]\n    env: [{name: A, value: b}]\n"
        "    workingDir: /usr\n    volumeMounts: [{name: w, mountPath: /deep/er}]",
        "volumes: [{name: w, emptyDir: {}}]");
    world.wait_phase("pg", "Running");
    const auto ran =
        world.exec("pg", {"sh", "-c", "sleep 0.05; cat /deep/er/file; pwd; echo $A >&2; exit 7"});
    CHECK(ran.code == 7);
    CHECK(ran.out == "made\n/usr\n");
    CHECK(ran.err == "b\n");
    CHECK(world.exec("pg", {"sh", "-c", "kill -9 $$"}).code == 137);
    const auto absent = world.exec("pg", {"no-such"});
    CHECK(absent.code == 127);
    CHECK(absent.err == "exec: \"no-such\": executable file not found in $PATH\n");

    std::string input = "from stdin";
    ExecOptions with_stdin;
    with_stdin.stdin_source = [&](char* buffer, std::size_t size, const CancelToken&) {
        return std::exchange(input, "").copy(buffer, size);
    };
    CHECK(world.exec("pg", {"cat"}, with_stdin).out == "from stdin");

    ExecOptions elsewhere;
    elsewhere.container = "postgres";
    CHECK_THROWS_WITH(world.exec("pg", {"true"}, elsewhere),
                      "pod 'pg' does not have container 'postgres' (has: main)");
    ExecOptions other_pod;
    other_pod.pod_uid = "other";
    try {
        world.exec("pg", {"true"}, other_pod);
        FAIL("the uid was not looked at");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::kNotFound);
    }
}

TEST_CASE("a deadline or a cancellation ends an exec and all that it started") {
    PodWorld world;
    world.pod("pg", "command: [sleep, \"60\"]");
    world.wait_phase("pg", "Running");
    const std::string mark = (world.options.data_dir / "mark").string();
    const std::vector<std::string> command{"sh", "-c",
                                           "setsid sh -c 'sleep 3; touch " + mark + "' & sleep 30"};
    ExecOptions short_one;
    short_one.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    try {
        world.exec("pg", command, short_one);
        FAIL("the deadline passed");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::kTimeout);
    }
    CancelSource source;
    std::thread canceller([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        source.cancel(CancelReason::kUser);
    });
    CHECK_THROWS_AS(world.exec("pg", command, {}, source.token()), Cancelled);
    canceller.join();
    std::this_thread::sleep_for(std::chrono::milliseconds(3'200));
    CHECK(!std::filesystem::exists(mark));
}

TEST_CASE("containers outlive the daemon, and their exit codes wait for the next one") {
    PodWorld world;
    world.pod("long", "command: [sh, -c, \"echo a; sleep 0.4; echo b; exit 6\"]");
    world.pod("steady", "command: [sleep, \"60\"]", "restartPolicy: Always");
    world.wait_phase("long", "Running");
    const Value before = world.wait_phase("steady", "Running");
    world.stop();
    std::this_thread::sleep_for(std::chrono::milliseconds(600));
    world.start();
    CHECK(PodWorld::main_state(world.wait_phase("long", "Failed")).get("terminated", "exitCode").as_int() ==
          6);
    CHECK(world.logs("long") == "a\nb\n");
    CHECK(PodWorld::main_state(world.get(types::kPods, "steady")) == PodWorld::main_state(before));
    CHECK(world.exec("steady", {"echo", "here"}).out == "here\n");
}

TEST_CASE("a pod whose end cannot be stored at first is told as ended once the store can be written again") {
    PodWorld world;
    const auto go = world.options.data_dir.parent_path() / "go";
    world.pod("job", "command: [bash, -c, 'until [ -e " + go.string() + " ]; do sleep 0.01; done']");
    world.wait_phase("job", "Running");
    world.objects.failing_patches = 2;
    std::ofstream(go) << "\n";
    world.wait_phase("job", "Succeeded");
    CHECK(world.objects.failing_patches == 0);
}

TEST_CASE("a supervisor that is killed leaves a container that failed, restarted by policy") {
    PodWorld world;
    const Value pod = world.pod("hit", "command: [sleep, \"60\"]", "restartPolicy: Always");
    world.wait_phase("hit", "Running");
    pid_t supervisor = 0;
    std::ifstream(world.options.data_dir / "pods" / uid_of(pod) / "main" / "supervisor.pid") >> supervisor;
    REQUIRE(::kill(supervisor, SIGKILL) == 0);
    const Value after = world.wait(types::kPods, "hit", [](const Value& one) {
        const Value& status = one.get("status", "containerStatuses").list_or_empty().at(0);
        return status["restartCount"].int_or(0) == 1 && !status.get("state", "running").is_nil();
    });
    const Value& status = after.get("status", "containerStatuses").as_list()[0];
    CHECK(status.get("lastState", "terminated", "reason").as_string() == "ContainerStatusUnknown");
}

TEST_CASE("a deleted pod's processes get SIGTERM, then SIGKILL, and nothing is left of it") {
    PodWorld world;
    const Value polite = world.pod(
        "polite", "command: [sh, -c, \"trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done\"]");
    const Value stubborn =
        world.pod("stubborn", "command: [sh, -c, \"trap '' TERM; echo up; while :; do sleep 0.05; done\"]");
    for (const char* name : {"polite", "stubborn"}) {
        world.wait_phase(name, "Running");
        while (world.logs(name).empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        world.objects.remove({types::kPods, "ns", name}, {});
    }
    world.wait_gone(types::kPods, "polite");
    world.wait_gone(types::kPods, "stubborn");
    for (const Value& pod : {polite, stubborn}) {
        const auto folder = world.options.data_dir / "pods" / uid_of(pod);
        CHECK(eventually([&] { return !std::filesystem::exists(folder); }));
    }
}

TEST_CASE("a pod is ready when its probe says so") {
    PodWorld world;
    world.pod("probed",
              "command: [sh, -c, \"sleep 0.3; touch /work/up; sleep 60\"]\n"
              "    readinessProbe: {exec: {command: [test, -e, /work/up]}, periodSeconds: 1}\n"
              "    volumeMounts: [{name: w, mountPath: /work}]",
              "volumes: [{name: w, emptyDir: {}}]");
    const auto is_ready = [](const Value& pod) {
        for (const Value& condition : pod.get("status", "conditions").list_or_empty()) {
            if (condition["type"].as_string() == "Ready") return condition["status"].as_string() == "True";
        }
        return false;
    };
    CHECK(!is_ready(world.wait_phase("probed", "Running")));
    world.wait(types::kPods, "probed", is_ready);
}

TEST_CASE("following a log ends when the container does") {
    PodWorld world;
    world.pod("talk", "command: [sh, -c, \"for i in 1 2 3; do echo $i; sleep 0.1; done\"]");
    world.wait_phase("talk", "Running");
    CHECK(world.logs("talk", {.follow = true}) == "1\n2\n3\n");
    CHECK_THAT(world.logs("talk", {.timestamps = true, .tail_lines = 1}), Catch::Matches("20[^ ]*Z 3\n"));
}
