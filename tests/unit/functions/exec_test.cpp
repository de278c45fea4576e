// KubeExec and KubeExecAll: commands in Pods that run.
#include "functions_world.h"

namespace fencepost::functions {

using Catch::Contains;

TEST_CASE("KubeExec runs the command in the container and takes its marked lines as outputs") {
    FunctionsWorld world;
    world.pod("pg", "",
              "[{name: pg, image: debian, env: [{name: WHO, value: first}], command: [sleep, '100']},"
              " {name: sidecar, image: debian, env: [{name: WHO, value: second}], command: [sleep, '100']}]");
    const std::string command =
        "[bash, -c, 'echo plain; " + marker("who", "$WHO") + "; " + marker("n", "1") + "']";
    CHECK(world.outputs("KubeExec", "{namespace: app, pod: pg, container: sidecar, command: " + command +
                                        "}") == parse_json(R"({"n":"1","who":"second"})"));
    CHECK_THAT(world.error("KubeExec", "{namespace: app, pod: pg, command: " + command + "}"),
               Contains("choose one of: [pg sidecar]"));
    CHECK(world.outputs("KubeExec", "{namespace: app, pod: pg, container: pg, command: 'true'}").is_nil());

    const std::string run = world.start(
        "[{func: KubeExec, name: one, args: {namespace: app, pod: pg, container: pg, command: [bash, -c, "
        "'echo to stdout; "
        "echo to stderr >&2']}}]");
    (void)world.finish(run);
    CHECK_THAT(world.log_of(run), Contains("to stdout") && Contains("to stderr"));
}

TEST_CASE("KubeExec tells the exit code and the last lines of what a failed command wrote") {
    FunctionsWorld world;
    world.pod("pg");
    const std::string error = world.error("KubeExec",
                                          "{namespace: app, pod: pg, command: [bash, -c, 'for i in {1..30}; "
                                          "do echo line $i; done; echo broken >&2; exit 7']}");
    CHECK_THAT(error, Contains("exit code 7") && Contains("app/pg") && Contains("broken") &&
                          Contains("line 30") && Contains("line 21") && !Contains("line 20\n") &&
                          Contains("phase 'one' of action 'go'"));
}

TEST_CASE("KubeExec's mistakes are told by name") {
    FunctionsWorld world;
    world.pod("pg");
    CHECK_THAT(world.error("KubeExec", "{namespace: app, pod: nobody, command: ['true']}"),
               Contains("nobody") && Contains("not found"));
    CHECK_THAT(world.error("KubeExec", "{namespace: app, pod: pg, container: nope, command: ['true']}"),
               Contains("nope"));
    CHECK_THAT(world.error("KubeExec", "{namespace: app, pod: pg}"),
               Contains("Required arg missing: command"));
    CHECK_THAT(world.error("KubeExec", "{namespace: app, pod: pg, command: ['true'], podd: x}"),
               Contains("argument podd is not supported"));
    CHECK_THAT(world.error("KubeExec", "{namespace: app, pod: pg, command: [no-such-program]}"),
               Contains("no-such-program"));
    CHECK_THAT(world.error("KubeExec", "{namespace: app, pod: pg, command: {a: map}}"), Contains("command"));
    CHECK_THAT(
        world.error("KubeExec", "{namespace: app, pod: pg, command: [echo, '###Phase-output###: {broken']}"),
        Contains("cannot read the output line"));
}

TEST_CASE("a KubeExec whose Pod is deleted under it fails") {
    FunctionsWorld world;
    world.pod("pg");
    const std::string run = world.start(
        "[{func: KubeExec, name: one, args: {namespace: app, pod: pg, command: [bash, -c, 'touch " +
        world.file("began") + "; sleep 100']}}]");
    while (!std::filesystem::exists(world.file("began")))
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    world.cluster->remove({types::kPods, "app", "pg"}, {.grace_period = std::chrono::seconds{0}});
    CHECK_THAT(FunctionsWorld::message(world.finish(run)), Contains("app/pg"));
}

TEST_CASE("KubeExec ends its command at the phase's timeout") {
    FunctionsWorld world;
    world.pod("pg");
    const auto began = std::chrono::steady_clock::now();
    const Value done = world.run(
        "[{func: KubeExec, name: one, timeout: 300ms, args: {namespace: app, pod: pg, command: [sleep, "
        "'50']}}]");
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(30));
    CHECK(done.get("status", "state") == Value("failed"));
    CHECK_THAT(FunctionsWorld::message(done), Contains("phase 'one'"));
}

TEST_CASE("KubeExecAll runs in all containers of all Pods, with outputs in the order of the arguments") {
    FunctionsWorld world;
    const char* two =
        "[{name: a, image: debian, env: [{name: ME, value: a}], command: [sleep, '100']},"
        " {name: b, image: debian, env: [{name: ME, value: b}], command: [sleep, '100']}]";
    world.pod("one", "", two);
    world.pod("two", "", two);
    // The last one wins a key, whoever is slow.
    const std::string command = "[bash, -c, 'echo $ME >> " + world.file("ran") +
                                "; [ $ME = a ] && sleep 0.2; " + marker("$ME", "$ME") + "; " +
                                marker("last", "$ME") + "']";
    const Value outputs = world.outputs(
        "KubeExecAll", "{namespace: app, pods: one two, containers: a  b, command: " + command + "}");
    CHECK(outputs == parse_json(R"({"a":"a","b":"b","last":"b"})"));
    CHECK(world.read("ran").size() == 8);
}

TEST_CASE("KubeExecAll waits for all and tells every failure; lists that name nothing are errors") {
    FunctionsWorld world;
    world.pod("one");
    world.pod("two");
    const std::string error = world.error("KubeExecAll",
                                          "{namespace: app, pods: one two three, containers: main, command: "
                                          "[bash, -c, 'sleep 0.1; echo x >> " +
                                              world.file("ran") + "; exit 3']}");
    CHECK_THAT(error,
               Contains("app/one") && Contains("app/two") && Contains("three") && Contains("exit code 3"));
    CHECK(world.read("ran") == "x\nx\n");
    CHECK_THAT(world.error("KubeExecAll", "{namespace: app, pods: '', containers: main, command: ['true']}"),
               Contains("'pods' names none"));
    CHECK_THAT(world.error("KubeExecAll", "{namespace: app, pods: one, containers: ' ', command: ['true']}"),
               Contains("'containers' names none"));
}

}  // namespace fencepost::functions
