// What the functions' tests stand on: a real embedded cluster whose Pods are processes, and an engine with
// the real catalog. Blueprints and Pods are written as YAML; every container that still runs at the end is
// ended.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "cluster/local/local_cluster.h"
#include "functions/catalog.h"
#include "run/engine.h"
#include "tests/unit/eventually.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::functions {

namespace types = cluster::types;

class FunctionsWorld {
  public:
    explicit FunctionsWorld(std::unique_ptr<net::HttpClient> outside = net::make_http_client())
        : http(std::move(outside)) {
        std::string name = "/tmp/fencepost-functions-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw errno_error("mkdtemp", errno);
        folder = name;
        std::filesystem::permissions(folder, std::filesystem::perms(0755));
        const auto programs = std::filesystem::canonical("/proc/self/exe").parent_path();
        cluster = cluster::local::open_local_cluster({.data_dir = folder / "data", .program_dir = programs},
                                                     clock, log);
        world = std::make_unique<run::World>(run::World{*cluster, clock, *http, log, "default"});
        restart();
        create("{apiVersion: v1, kind: Namespace, metadata: {name: default}}", true);
        create("{apiVersion: v1, kind: Namespace, metadata: {name: app}}");
        create(
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: subject, namespace: app}, data: {a: one}}");
    }
    ~FunctionsWorld() {
        engine.reset();
        cluster.reset();
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "data" / "pods")) {
            if (entry.path().filename() != "supervisor.pid") continue;
            pid_t pid = 0;
            std::ifstream(entry.path()) >> pid;
            if (pid > 0) ::kill(pid, SIGTERM);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        std::error_code ignored;
        std::filesystem::remove_all(folder, ignored);
    }

    // The engine, as a daemon that comes back has it.
    void restart() {
        engine.reset();
        engine = std::make_unique<run::Engine>(*world, catalog(),
                                               run::EngineOptions{.log_folder = folder / "logs"});
        engine->start();
    }

    // One object or several documents; the last one as stored.
    Value create(const std::string& yaml, bool may_exist = false) {
        Value stored;
        for (const YamlDocument& document : parse_yaml(yaml)) {
            const std::string api = document.value["apiVersion"].string_or("");
            const auto slash = api.find('/');
            const auto type = cluster->find_type(slash == std::string::npos ? "" : api.substr(0, slash),
                                                 slash == std::string::npos ? api : api.substr(slash + 1),
                                                 document.value["kind"].string_or(""));
            REQUIRE(type);
            try {
                stored = cluster->create(type->type, document.value);
            } catch (const Error& e) {
                if (!may_exist || e.kind() != ErrorKind::kAlreadyExists) throw;
            }
        }
        return stored;
    }

    // A Pod in `app` with one container `main` (or those given, as a YAML list), running.
    Value pod(const std::string& name, const std::string& metadata = "",
              const std::string& containers = "[{name: main, image: debian, command: [sleep, '100']}]") {
        create("{apiVersion: v1, kind: Pod, metadata: {name: " + name + ", namespace: app" + metadata +
               "}, spec: {terminationGracePeriodSeconds: 0, containers: " + containers + "}}");
        return wait_for(
            name, [](const Value& pod) { return pod.get("status", "phase").string_or("") == "Running"; });
    }
    Value get(const cluster::ResourceType& type, const std::string& name, const std::string& ns = "app") {
        return cluster->get({type, ns, name});
    }
    Value wait_for(const std::string& pod, const std::function<bool(const Value&)>& is_so) {
        Value object;
        CAPTURE(pod);
        REQUIRE(eventually([&] {
            object = get(types::kPods, pod);
            return is_so(object);
        }));
        return object;
    }
    std::vector<Value> job_pods(const std::string& ns = "default") {
        return cluster->list(types::kPods, {.ns = ns, .label_selector = "createdBy=kanister"}).items;
    }
    Value wait_for_job_pod(const std::string& ns = "default") {
        Value running;
        const bool does_run = eventually([&] {
            for (const Value& pod : job_pods(ns)) {
                if (pod.get("status", "phase").string_or("") == "Running") running = pod;
            }
            return !running.is_nil();
        });
        INFO(to_json(Value(job_pods(ns))) << to_json(Value(cluster->list(types::kActionSets, {}).items)));
        REQUIRE(does_run);
        return running;
    }

    static constexpr const char* kSubject =
        "{apiVersion: v1, resource: configmaps, kind: ConfigMap, name: subject, namespace: app}";

    // Starts an action whose phases are a YAML list; `more` are further members of the ActionSet's action.
    std::string start(const std::string& phases, const std::string& more = "",
                      const std::string& metadata = "", const std::string& subject = kSubject,
                      const std::string& action = "go") {
        const std::string name = "run-" + std::to_string(++count_);
        create("{apiVersion: cr.kanister.io/v1alpha1, kind: Blueprint, metadata: {name: " + name +
               ", namespace: default}, actions: {" + action + ": {phases: " + phases + "}}}");
        create("{apiVersion: cr.kanister.io/v1alpha1, kind: ActionSet, metadata: {name: " + name +
               ", namespace: default" + metadata + "}, spec: {actions: [{name: " + action +
               ", blueprint: " + name + ", object: " + subject + more + "}]}}");
        return name;
    }
    Value finish(const std::string& name) {
        Value object;
        const bool has_ended = eventually([&] {
            object = get(types::kActionSets, name, "default");
            const std::string state = object.get("status", "state").string_or("");
            return state == "complete" || state == "failed";
        });
        INFO(to_json(object, {.indent = "  "}));
        REQUIRE(has_ended);
        return object;
    }
    Value run(const std::string& phases, const std::string& more = "", const std::string& metadata = "",
              const std::string& subject = kSubject) {
        return finish(start(phases, more, metadata, subject));
    }
    // The outputs of one phase that must complete.
    Value outputs(const std::string& func, const std::string& args, const std::string& more = "",
                  const std::string& subject = kSubject) {
        const Value done = run("[{func: " + func + ", name: one, args: " + args + "}]", more, "", subject);
        INFO(to_json(done, {.indent = "  "}));
        CHECK(done.get("status", "state") == Value("complete"));
        return phase(done)["output"];
    }
    // The message of one phase that must fail.
    std::string error(const std::string& func, const std::string& args, const std::string& more = "",
                      const std::string& subject = kSubject) {
        const Value done = run("[{func: " + func + ", name: one, args: " + args + "}]", more, "", subject);
        CHECK(done.get("status", "state") == Value("failed"));
        return message(done);
    }
    static std::string message(const Value& action_set) {
        return action_set.get("status", "error", "message").string_or("");
    }
    static const Value& phase(const Value& action_set, std::size_t index = 0) {
        return action_set.get("status", "actions").as_list().at(0)["phases"].as_list().at(index);
    }
    std::string log_of(const std::string& action_set) {
        std::string text;
        engine->logs("default", action_set, "", false, [&](std::string_view bytes) { text += bytes; }, {});
        return text;
    }
    [[nodiscard]] std::string file(const std::string& name) const { return (folder / name).string(); }
    [[nodiscard]] std::string read(const std::string& name) const {
        return std::filesystem::exists(folder / name) ? read_file(folder / name) : "";
    }

    std::filesystem::path folder;
    SystemClock clock;
    Log log{2, Log::Format::kText, LogLevel::kError};
    std::unique_ptr<cluster::Cluster> cluster;
    std::unique_ptr<net::HttpClient> http;
    std::unique_ptr<run::World> world;
    std::unique_ptr<run::Engine> engine;

  private:
    int count_ = 0;
};

// A line that `kando output` would print, for a YAML single-quoted string inside bash's double quotes.
inline std::string marker(const std::string& key, const std::string& value) {
    return "echo \"###Phase-output###: {\\\"key\\\":\\\"" + key + "\\\",\\\"value\\\":\\\"" + value +
           "\\\"}\"";
}

}  // namespace fencepost::functions
