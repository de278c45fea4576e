// What the runtime's tests stand on: a data folder of their own, a runtime on a fake store, Pods written as
// YAML, and waiting for a state. Every container still running at the end is ended.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "cluster/local/pods/pod_runtime.h"
#include "pods_fake_cluster.h"
#include "tests/unit/eventually.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::cluster::local {

class PodWorld {
  public:
    PodWorld() {
        std::string name = "/tmp/fencepost-pods-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw errno_error("mkdtemp", errno);
        std::filesystem::permissions(name, std::filesystem::perms(0755));
        options.data_dir = std::filesystem::path(name) / "data";
        options.program_dir = std::filesystem::canonical("/proc/self/exe").parent_path();
        start();
    }
    ~PodWorld() {
        stop();
        for (const auto& entry : std::filesystem::recursive_directory_iterator(options.data_dir / "pods")) {
            if (entry.path().filename() != "supervisor.pid") continue;
            pid_t pid = 0;
            std::ifstream(entry.path()) >> pid;
            if (pid > 0) ::kill(pid, SIGTERM);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        std::filesystem::remove_all(options.data_dir.parent_path());
    }
    void start() { backend = make_pod_runtime(objects, options, clock, log); }
    void stop() { backend.reset(); }

    Value apply(const ResourceType& type, std::string_view yaml) {
        return objects.create(type, parse_yaml_value(yaml), {});
    }
    // "command: [...]" and whatever else belongs into the one container, at its indentation.
    Value pod(const std::string& name, const std::string& container,
              const std::string& spec = "restartPolicy: Never") {
        return apply(types::kPods, "metadata: {name: " + name + ", namespace: ns}\nspec:\n  " + spec +
                                       "\n  terminationGracePeriodSeconds: 1\n  containers:\n  - name: "
                                       "main\n    image: debian\n    " +
                                       container);
    }
    Value get(const ResourceType& type, const std::string& name, const std::string& ns = "ns") {
        return objects.get({type, ns, name});
    }
    Value wait(const ResourceType& type, const std::string& name,
               const std::function<bool(const Value&)>& is_so, const std::string& ns = "ns") {
        Value object;
        const bool got_there = eventually([&] {
            object = get(type, name, ns);
            return is_so(object);
        });
        INFO(to_json(object, {.indent = "  "}));
        REQUIRE(got_there);
        return object;
    }
    Value wait_phase(const std::string& name, const std::string& phase) {
        return wait(types::kPods, name,
                    [&](const Value& pod) { return pod.get("status", "phase").string_or("") == phase; });
    }
    void wait_gone(const ResourceType& type, const std::string& name, const std::string& ns = "ns") {
        CAPTURE(name);
        REQUIRE(eventually([&] {
            try {
                (void)get(type, name, ns);
                return false;
            } catch (const Error&) {
                return true;
            }
        }));
    }
    std::string logs(const std::string& name, LogOptions log_options = {}) {
        std::string text;
        backend->logs(get(types::kPods, name), log_options, [&](std::string_view bytes) { text += bytes; },
                      {});
        return text;
    }
    struct Ran {
        int code = -1;
        std::string out, err;
    };
    Ran exec(const std::string& name, std::vector<std::string> command, ExecOptions more = {},
             const CancelToken& cancel = {}) {
        Ran ran;
        more.command = std::move(command);
        more.on_stdout = [&](std::string_view bytes) { ran.out += bytes; };
        more.on_stderr = [&](std::string_view bytes) { ran.err += bytes; };
        ran.code = backend->exec(get(types::kPods, name), more, cancel).exit_code;
        return ran;
    }
    static Value main_state(const Value& pod) {
        return pod.get("status", "containerStatuses").list_or_empty().at(0)["state"];
    }

    FakeCluster objects;
    SystemClock clock;
    Log log{2, Log::Format::kText, LogLevel::kWarning};
    LocalOptions options;
    std::unique_ptr<PodBackend> backend;
};

}  // namespace fencepost::cluster::local
