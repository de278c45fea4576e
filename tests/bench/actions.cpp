// What running an action costs beside its work: no-op actions on the embedded cluster, as multiples of one
// fdatasync on the same disk; durable writes of the store, alone and in a group; phases a second with 200
// actions at once; renders a second of the quickstart's dump phase, cold and cached.
//
//     build/bin/bench_actions [FOLDER]     the folder is on the disk to measure; default: a temporary one
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "cluster/local/local_cluster.h"
#include "run/engine.h"
#include "run/render.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost {
namespace {

using Steady = std::chrono::steady_clock;

double microseconds(Steady::duration duration) {
    return std::chrono::duration<double, std::micro>(duration).count();
}

double percentile(std::vector<double> values, double part) {
    std::sort(values.begin(), values.end());
    return values.at(static_cast<std::size_t>(part * static_cast<double>(values.size() - 1)));
}

class NoOp final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }
    run::Outcome execute(run::RunContext&, const Value&) const override { return {}; }

  private:
    model::FunctionSpec spec_{.name = "NoOp", .args = {}, .outputs = {}, .description = "nothing"};
};

// One page, as a commit of the store writes at least.
std::vector<double> measure_fdatasync(const std::filesystem::path& folder) {
    const UniqueFd file = open_file(folder / "probe", O_RDWR | O_CREAT | O_CLOEXEC);
    const std::string page(8'192, 'x');
    std::vector<double> took;
    for (int i = 0; i < 500; ++i) {
        const auto began = Steady::now();
        write_all(file.get(), page);
        if (::fdatasync(file.get()) != 0) throw errno_error("fdatasync", errno);
        took.push_back(microseconds(Steady::now() - began));
    }
    return took;
}

Value action_set(const std::string& name) {
    return parse_yaml_value("metadata: {name: " + name +
                            ", namespace: default}\nspec: {actions: [{name: noop, blueprint: bench, object: "
                            "{apiVersion: v1, resource: "
                            "configmaps, kind: ConfigMap, name: subject, namespace: default}}]}");
}

void wait_for_end(cluster::Watch& watch, std::size_t count) {
    std::size_t ended = 0;
    while (ended < count) {
        const auto event = watch.next({});
        if (event && event->type == cluster::WatchEvent::Type::kModified &&
            event->object.get("status", "state").string_or("") == "complete")
            ++ended;
    }
}

// One small durable write after another, by that many writers.
double writes_a_second(cluster::Cluster& cluster, int writers) {
    constexpr auto kTime = std::chrono::seconds(3);
    std::atomic<std::uint64_t> writes{0};
    const auto began = Steady::now();
    {
        TaskGroup group;
        for (int i = 0; i < writers; ++i) {
            group.spawn([&, i] {
                const std::string name = "writer-" + std::to_string(writers) + "-" + std::to_string(i);
                cluster.create(cluster::types::kConfigMaps,
                               parse_yaml_value("metadata: {name: " + name + ", namespace: default}"));
                for (std::int64_t n = 0; Steady::now() - began < kTime; ++n, ++writes) {
                    cluster.patch({cluster::types::kConfigMaps, "default", name}, cluster::PatchType::kMerge,
                                  Value(Map{{"data", Value(Map{{"n", std::to_string(n)}})}}));
                }
            });
        }
    }
    return static_cast<double>(writes) / std::chrono::duration<double>(Steady::now() - began).count();
}

void bench_actions(const std::filesystem::path& folder) {
    SystemClock clock;
    Log log(2, Log::Format::kText, LogLevel::kError);
    const auto sync = measure_fdatasync(folder);
    const double one_sync = percentile(sync, 0.5);
    std::printf("fdatasync of 8 KiB              p50 %8.0f us   p99 %8.0f us\n", one_sync,
                percentile(sync, 0.99));

    const auto cluster =
        cluster::local::open_local_cluster({.data_dir = folder / "data", .run_pods = false}, clock, log);
    for (const int writers : {1, 200}) {
        const double rate = writes_a_second(*cluster, writers);
        std::printf(
            "store, %3d writers              %8.0f durable writes a second   = %.2f of raw fdatasyncs\n",
            writers, rate, rate * one_sync / 1e6);
    }
    const auto http = net::make_http_client();
    run::World world{*cluster, clock, *http, log, "default"};
    const NoOp no_op;
    cluster->create(cluster::types::kConfigMaps,
                    parse_yaml_value("metadata: {name: subject, namespace: default}"));
    cluster->create(cluster::types::kBlueprints,
                    parse_yaml_value("metadata: {name: bench, namespace: default}\nactions: {noop: {phases: "
                                     "[{func: NoOp, name: one, args: {}}]}}"));
    run::Engine engine(world, run::Catalog({&no_op}), {.max_running = 200, .log_folder = folder / "logs"});
    engine.start();

    std::vector<double> took;
    const auto watch = cluster->watch(cluster::types::kActionSets, {});
    for (int i = 0; i < 300; ++i) {
        const Value object = action_set("one-" + std::to_string(i));
        const auto began = Steady::now();
        cluster->create(cluster::types::kActionSets, object);
        wait_for_end(*watch, 1);
        took.push_back(microseconds(Steady::now() - began));
    }
    std::printf("no-op action, create to complete p50 %8.0f us   p99 %8.0f us   = %.1f and %.1f fdatasyncs\n",
                percentile(took, 0.5), percentile(took, 0.99), percentile(took, 0.5) / one_sync,
                percentile(took, 0.99) / one_sync);

    constexpr std::size_t kAtOnce = 200;
    constexpr std::size_t kEach = 20;
    const auto began = Steady::now();
    {
        TaskGroup clients;
        Guarded<std::size_t> going{0};
        clients.spawn([&] {
            for (std::size_t ended = 0; ended < kAtOnce * kEach; ++ended) {
                wait_for_end(*watch, 1);
                auto now = going.lock();
                --*now;
                now.notify_all();
            }
        });
        for (std::size_t client = 0; client < 16; ++client) {
            clients.spawn([&, client] {
                for (std::size_t i = client; i < kAtOnce * kEach; i += 16) {
                    {
                        auto now = going.lock();
                        now.wait([&] { return *now < kAtOnce; });
                        ++*now;
                    }
                    cluster->create(cluster::types::kActionSets, action_set("many-" + std::to_string(i)));
                }
            });
        }
    }
    const double seconds = std::chrono::duration<double>(Steady::now() - began).count();
    const double count = static_cast<double>(kAtOnce * kEach);
    std::printf(
        "%.0f no-op actions, 200 at once  %8.0f durable phases a second   = %.2f of raw fdatasyncs (%.2f "
        "s)\n",
        count, count / seconds, count / seconds * one_sync / 1e6, seconds);
}

// The quickstart's dump phase: environment, image and script.
void bench_renders() {
    const Value blueprint = parse_yaml_value(
        read_file(std::string(FENCEPOST_SOURCE_DIR) + "/blueprints/postgres-dump/blueprint.yaml"));
    const List& phases = blueprint.get("actions", "backup", "phases").as_list();
    const auto dump = std::find_if(phases.begin(), phases.end(),
                                   [](const Value& phase) { return phase["name"].string_or("") == "dump"; });
    if (dump == phases.end()) throw std::runtime_error("postgres-dump has no phase 'dump'");
    const Value& args = (*dump)["args"];
    const Value params = parse_json(
        R"({"Object":{"metadata":{"name":"app1-db","namespace":"app1"},"data":{"username":"YXBwMQ==","dbname":"YXBwMWRi","host":"bG9jYWxob3N0","replicaHost":"bG9jYWxob3N0"}},)"
        R"("Phases":{"dump":{"Secrets":{"admin":{"Data":{"username":"postgres","password":"secret"}}}}},"Time":"2026-11-21T06:00:00Z",)"
        R"("Profile":{"Location":{"type":"s3Compliant","bucket":"b"}}})");
    const auto rate = [&](const char* what, const auto& work) {
        const auto began = Steady::now();
        int count = 0;
        while (Steady::now() - began < std::chrono::seconds(2)) {
            work();
            ++count;
        }
        const double seconds = std::chrono::duration<double>(Steady::now() - began).count();
        std::printf("renders of the dump phase, %-6s %8.0f a second   %8.1f us each\n", what, count / seconds,
                    1e6 * seconds / count);
    };
    rate("cold", [&] { (void)run::Renderer().value(args, params); });
    const run::Renderer renderer;
    rate("cached", [&] { (void)renderer.value(args, params); });
}

}  // namespace
}  // namespace fencepost

int main(int argc, char** argv) {
    namespace fs = std::filesystem;
    try {
        std::string name =
            (argc > 1 ? fs::path(argv[1]) : fs::temp_directory_path()) / "fencepost-bench-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw fencepost::errno_error("mkdtemp", errno);
        fencepost::bench_actions(name);
        fs::remove_all(name);
        fencepost::bench_renders();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "bench_actions: %s\n", e.what());
        return 1;
    }
    return 0;
}
