// Commands in containers, as everything above Cluster runs them. On a real cluster their image is
// $FENCEPOST_TEST_IMAGE, which has a shell; "local.test/tools:1" where it is not set.
#include <atomic>
#include <csignal>
#include <thread>

#include "any_cluster.h"
#include "base/task_group.h"
#include "tests/unit/eventually.h"
#include "value/yaml.h"

namespace fencepost::cluster {
namespace {

using namespace std::chrono_literals;

const std::string kImage = environment("FENCEPOST_TEST_IMAGE", "local.test/tools:1");

// A Pod with two containers, of which `main` is the default one.
class World : public AnyCluster {
  public:
    explicit World(const std::string& which) : AnyCluster(which) {
        std::signal(SIGPIPE, SIG_IGN);  // as the daemon does: a command may close its stdin
        wait([&] { return is_created(); });
        wait([&] { return phase() == "Running"; });
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() {
        directly().remove({types::kPods, ns, "pg-0"}, {.grace_period = 0s});
        wait([&] { return phase() == "gone"; });
    }

    struct Ran {
        int code = -1;
        std::string out, err;
    };
    Ran run(std::vector<std::string> command, ExecOptions options = {}, const std::string& pod = "pg-0") {
        Ran ran;
        options.command = std::move(command);
        if (!options.on_stdout) options.on_stdout = [&](std::string_view bytes) { ran.out += bytes; };
        options.on_stderr = [&](std::string_view bytes) { ran.err += bytes; };
        options.deadline = std::min(options.deadline, std::chrono::steady_clock::now() + 60s);
        ran.code = cluster().exec(ns, pod, options, {}).exit_code;
        return ran;
    }
    Ran sh(const std::string& script, ExecOptions options = {}, const std::string& pod = "pg-0") {
        return run({"sh", "-c", script}, std::move(options), pod);
    }

  private:
    void wait(const std::function<bool()>& is_so) { CHECK(eventually(is_so)); }
    // Where the namespace is young, its service account may still be missing.
    bool is_created() {
        const std::string container =
            "image: '" + kImage + "', command: [sleep, '600'], env: [{name: WHO, value: ";
        try {
            cluster().create(types::kPods, parse_yaml_value(R"(
                apiVersion: v1
                kind: Pod
                metadata:
                  name: pg-0
                  annotations: {kubectl.kubernetes.io/default-container: main}
                  namespace: )" + ns + R"(
                spec:
                  restartPolicy: Never
                  terminationGracePeriodSeconds: 1
                  containers:
                  - {name: sidecar, )" + container + R"(sidecar}]}
                  - {name: main, )" + container + "main}]}"));
        } catch (const Error& e) {
            if (e.kind() == ErrorKind::kForbidden) return false;
            return e.kind() == ErrorKind::kAlreadyExists;
        }
        return true;
    }
    std::string phase() {
        try {
            return directly().get({types::kPods, ns, "pg-0"}).get("status", "phase").string_or("");
        } catch (const Error&) {
            return "gone";
        }
    }
};

// `size` bytes of a pattern.
std::function<std::size_t(char*, std::size_t, const CancelToken&)> pattern(std::size_t size) {
    return [at = std::size_t{0}, size](char* buffer, std::size_t room, const CancelToken&) mutable {
        const std::size_t given = std::min(room, size - at);
        for (std::size_t i = 0; i < given; ++i) buffer[i] = static_cast<char>('a' + (at + i) % 23);
        at += given;
        return given;
    };
}

TEST_CASE("exec: exit codes, outputs apart, stdin and its end") {
    ON_EVERY_CLUSTER();
    const World::Ran ran = world.sh("echo out $WHO; echo err >&2; exit 7");
    CHECK(ran.code == 7);
    CHECK(ran.out == "out main\n");
    CHECK(ran.err == "err\n");
    CHECK(world.sh("echo $WHO", {.container = "sidecar"}).out == "sidecar\n");
    CHECK(world.run({"printf", "[%s]", "", "a b", "ä\n"}).out == "[][a b][ä\n]");
    CHECK(world.sh("kill -9 $$").code == 137);

    constexpr std::size_t kSize = 5'000'000;
    const World::Ran echoed = world.sh("cat; echo end", {.stdin_source = pattern(kSize)});
    CHECK(echoed.code == 0);
    std::string expected(kSize, '\0');
    (void)pattern(kSize)(expected.data(), kSize, {});
    CHECK(echoed.out == expected + "end\n");
    CHECK(world.sh("cat; exit 3", {.stdin_source = pattern(0)}).code == 3);
    CHECK(world.sh("cat; exit 4").code == 4);  // without one it has ended already
    // A command that does not read its stdin, or only some of it. Much of it that is not read keeps
    // Kubernetes from telling the end.
    const std::size_t little = world.is_real() ? 10'000 : kSize;
    CHECK(world.sh("exit 5", {.stdin_source = pattern(little)}).code == 5);
    CHECK(world.sh("head -c 10", {.stdin_source = pattern(little)}).out == "abcdefghij");
}

TEST_CASE("exec: what cannot run is told apart") {
    ON_EVERY_CLUSTER();
    CHECK(World::kind_of([&] { world.sh("true", {}, "nobody"); }) == ErrorKind::kNotFound);
    CHECK(World::kind_of([&] { world.sh("true", {.container = "other"}); }) == ErrorKind::kInvalid);
    CHECK(World::kind_of([&] { world.sh("true", {.pod_uid = "another"}); }) == ErrorKind::kNotFound);
    CHECK(World::kind_of([&] {
              world.sh("sleep 60", {.deadline = std::chrono::steady_clock::now() + 500ms});
          }) == ErrorKind::kTimeout);
    if (world.is_real()) {
        CHECK_THROWS_AS(world.run({"no-such-program"}), Error);
    } else {
        CHECK(world.run({"no-such-program"}).code == 127);
    }
}

TEST_CASE("exec: a slow sink slows the command, and nothing is lost") {
    ON_EVERY_CLUSTER();
    std::size_t received = 0;
    ExecOptions options;
    options.on_stdout = [&](std::string_view bytes) {
        if (received == 0) std::this_thread::sleep_for(300ms);
        received += bytes.size();
    };
    CHECK(world.sh("head -c 20000000 /dev/zero", options).code == 0);
    CHECK(received == 20'000'000);
}

TEST_CASE("exec: many at once, each with its own exit code") {
    ON_EVERY_CLUSTER();
    std::atomic<int> right{0};
    {
        TaskGroup group;
        for (int i = 0; i < 40; ++i) {
            group.spawn([&world, &right, i] {
                const World::Ran ran =
                    world.sh("cat; exit " + std::to_string(i), {.stdin_source = pattern(1000)});
                if (ran.code == i && ran.out.size() == 1000) ++right;
            });
        }
    }
    CHECK(right == 40);
}

TEST_CASE("exec: an API server that stops is no exit of the command") {
    World world("facade");
    std::thread later;
    ExecOptions options;
    options.on_stdout = [&](std::string_view) { later = std::thread([&world] { world.api->stop(); }); };
    CHECK(World::kind_of([&] { world.sh("echo begun; sleep 60", options); }) == ErrorKind::kUnavailable);
    later.join();
}

}  // namespace
}  // namespace fencepost::cluster
