// cluster/kube's exec with our own API server and real containers behind it.
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <memory>
#include <thread>

#include "api/api.h"
#include "base/encodings.h"
#include "base/error.h"
#include "base/task_group.h"
#include "cluster/kube/exec.h"
#include "cluster/local/local_cluster.h"
#include "functions/catalog.h"
#include "value/yaml.h"

using namespace fencepost;
using namespace fencepost::cluster;
using namespace std::chrono_literals;

namespace {

class World {
  public:
    World() {
        std::signal(SIGPIPE, SIG_IGN);  // as the daemon does: a command may close its stdin
        std::filesystem::create_directories(folder_);
        cluster = local::open_local_cluster(
            {.data_dir = folder_ / "data",
             .program_dir = std::filesystem::canonical("/proc/self/exe").parent_path()},
            clock_, log_);
        api = api::start_api({.version = "1.2.3"}, *cluster, {.catalog = &catalog_, .http = http_.get()},
                             clock_, log_);
        cluster->create(types::kNamespaces,
                        parse_yaml_value("{apiVersion: v1, kind: Namespace, metadata: {name: app}}"));
        cluster->create(types::kPods, parse_yaml_value(R"(
            apiVersion: v1
            kind: Pod
            metadata: {name: pg-0, namespace: app}
            spec:
              restartPolicy: Never
              terminationGracePeriodSeconds: 1
              containers: [{name: main, image: debian, command: [sleep, '600']}])"));
        for (int i = 0; i < 4000 && phase() != "Running"; ++i) std::this_thread::sleep_for(5ms);
        REQUIRE(phase() == "Running");
        kube::Connection connection;
        connection.server = "http://127.0.0.1:" + std::to_string(api->port());
        connection.authorization = [] { return std::string(); };
        client_ =
            std::make_unique<kube::ApiClient>(std::move(connection), *http_, clock_, kube::ClientOptions{});
    }
    ~World() {
        cluster->remove({types::kPods, "app", "pg-0"}, {.grace_period = 0s});
        for (int i = 0; i < 4000 && phase() != "gone"; ++i) std::this_thread::sleep_for(5ms);
        api.reset();
        cluster.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }

    struct Ran {
        int code = -1;
        std::string out, err;
    };
    Ran sh(const std::string& script, ExecOptions options = {}, const std::string& pod = "pg-0") {
        Ran ran;
        options.command = {"sh", "-c", script};
        if (!options.on_stdout) options.on_stdout = [&](std::string_view bytes) { ran.out += bytes; };
        options.on_stderr = [&](std::string_view bytes) { ran.err += bytes; };
        ran.code = kube::exec(*client_, *sockets_, "app", pod, options, {}).exit_code;
        return ran;
    }
    template <typename Work>
    static ErrorKind kind_of(Work work) {
        try {
            work();
        } catch (const Error& e) {
            return e.kind();
        }
        FAIL("no Error was thrown");
        return ErrorKind::kInternal;
    }
    std::string phase() {
        try {
            return cluster->get({types::kPods, "app", "pg-0"}).get("status", "phase").string_or("");
        } catch (const Error&) {
            return "gone";
        }
    }

  private:
    std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("fencepost-exec-" + random_name_suffix(8));
    SystemClock clock_;
    Log log_{STDERR_FILENO, Log::Format::kText, LogLevel::kError};
    const run::Catalog catalog_ = functions::catalog();
    const std::unique_ptr<net::HttpClient> http_ = net::make_http_client();
    const std::unique_ptr<net::WebSocketClient> sockets_ = net::make_websocket_client();
    std::unique_ptr<kube::ApiClient> client_;

  public:
    std::unique_ptr<Cluster> cluster;
    std::unique_ptr<api::Api> api;
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

}  // namespace

TEST_CASE("exec through the API: exit codes, both outputs, stdin and its end") {
    World world;
    const World::Ran ran = world.sh("echo out; echo err >&2; exit 7");
    CHECK(ran.code == 7);
    CHECK(ran.out == "out\n");
    CHECK(ran.err == "err\n");
    CHECK(world.sh("kill -9 $$").code == 137);

    constexpr std::size_t kSize = 5'000'000;
    const World::Ran echoed = world.sh("cat; echo end", {.stdin_source = pattern(kSize)});
    CHECK(echoed.code == 0);
    CHECK(echoed.out.size() == kSize + 4);
    std::string expected(kSize, '\0');
    (void)pattern(kSize)(expected.data(), kSize, {});
    CHECK(echoed.out == expected + "end\n");
    // A command that does not read its stdin, or only some of it.
    CHECK(world.sh("exit 5", {.stdin_source = pattern(kSize)}).code == 5);
    CHECK(world.sh("head -c 10", {.stdin_source = pattern(kSize)}).out == "abcdefghij");

    CHECK(World::kind_of([&] { world.sh("true", {}, "nobody"); }) == ErrorKind::kNotFound);
    CHECK(World::kind_of([&] { world.sh("true", {.container = "other"}); }) == ErrorKind::kInvalid);
    CHECK(World::kind_of([&] {
              world.sh("sleep 60", {.deadline = std::chrono::steady_clock::now() + 300ms});
          }) == ErrorKind::kTimeout);
}

TEST_CASE("exec through the API: a slow sink slows the command, and nothing is lost") {
    World world;
    std::size_t received = 0;
    ExecOptions options;
    options.on_stdout = [&](std::string_view bytes) {
        if (received == 0) std::this_thread::sleep_for(300ms);
        received += bytes.size();
    };
    CHECK(world.sh("head -c 20000000 /dev/zero", options).code == 0);
    CHECK(received == 20'000'000);
}

TEST_CASE("exec through the API: many at once, each with its own exit code") {
    World world;
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

TEST_CASE("exec through the API: a server that stops is no exit of the command") {
    World world;
    std::thread later;
    ExecOptions options;
    options.on_stdout = [&](std::string_view) { later = std::thread([&world] { world.api->stop(); }); };
    CHECK(World::kind_of([&] { world.sh("echo begun; sleep 60", options); }) == ErrorKind::kUnavailable);
    later.join();
}
