// What the executor's tests stand on: an embedded cluster of their own without Pods, an engine, and functions
// that a test scripts. The functions have no state: what they saw is in the Script that the test holds.
#pragma once

#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/guarded.h"
#include "cluster/local/local_cluster.h"
#include "run/args.h"
#include "run/engine.h"
#include "tests/unit/eventually.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::run {

namespace types = cluster::types;

// What the phases of a test do, by the argument `do`; and what they saw.
struct Script {
    struct State {
        std::vector<std::string> calls;  // "phase#attempt", "phase#attempt resumed"
        bool is_open = false;            // lets `wait` end
        int most_at_once = 0;
        int at_once = 0;
    };
    Guarded<State> state;
    [[nodiscard]] std::vector<std::string> calls() { return state.lock()->calls; }
    void open() {
        auto locked = state.lock();
        locked->is_open = true;
        locked.notify_all();
    }
};

class Step final : public Function {
  public:
    Step(Script& script, std::string_view name, bool is_safe) : script_(script), is_safe_(is_safe) {
        spec_ = {.name = name,
                 .args = {{"do", model::ArgType::kString, true, "ok, fail, echo, wait, tidy, sleep, fence"},
                          {"text", model::ArgType::kAny, false, "what echo prints"}},
                 .outputs = {},
                 .description = "does what a test wants"};
    }
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return is_safe_; }
    Outcome execute(RunContext& run, const Value& args) const override {
        const auto wake = run.cancel().on_cancel([this] { script_.state.lock().notify_all(); });
        auto state = script_.state.lock();
        state->calls.push_back(run.phase_name() + "#" + std::to_string(run.attempt()) +
                               (run.is_resumed() ? " resumed" : ""));
        state->most_at_once = std::max(state->most_at_once, ++state->at_once);
        state.notify_all();
        struct Leave {
            Guarded<Script::State>::Locked& state;
            ~Leave() { --state->at_once; }
        } const leave{state};
        const std::string what = string_arg(args, "do");
        if (what == "fail") throw Error(ErrorKind::kInternal, "told to fail");
        if (what == "fail-once" && run.attempt() == 1) throw Error(ErrorKind::kInternal, "told to fail once");
        if (what == "echo") state.unlocked([&] { run.feed_output(string_arg(args, "text") + "\n"); });
        if (what == "tidy") {
            run.after_recorded([this] {
                auto locked = script_.state.lock();
                locked->calls.push_back("tidied");
                locked.notify_all();
            });
        }
        if (what == "wait" || what == "tidy") {
            state.wait([&] { return state->is_open || run.cancel().is_cancelled(); });
            run.cancel().throw_if_cancelled();
        }
        if (what == "fence") {
            state.unlocked([&] {
                ObligationRequest request;
                request.kind = "fence";
                request.description = "pod default/pg is fenced";
                request.ns = "default";
                request.pod = "pg";
                request.pod_uid = "gone";
                request.undo_commands = {{"true"}};
                (void)run.incur(request);
            });
        }
        return {run.take_outputs()};
    }

  private:
    Script& script_;
    bool is_safe_;
    model::FunctionSpec spec_;
};

class RunWorld {
  public:
    // `more`: functions beside Step and Once, which outlive it.
    explicit RunWorld(EngineOptions options = {}, std::vector<const Function*> more = {})
        : options_(std::move(options)), functions_(std::move(more)) {
        functions_.insert(functions_.end(), {&safe_, &unsafe_});
        std::string name = "/tmp/fencepost-run-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw errno_error("mkdtemp", errno);
        folder = name;
        options_.log_folder = folder / "logs";
        cluster =
            cluster::local::open_local_cluster({.data_dir = folder / "data", .run_pods = false}, clock, log);
        http = net::make_http_client();
        world = std::make_unique<World>(World{*cluster, clock, *http, log, "default"});
        create(types::kConfigMaps,
               "metadata: {name: subject, namespace: default, labels: {app: pg}}\ndata: {a: one}");
        start();
    }
    ~RunWorld() {
        script.open();
        engine.reset();
        cluster.reset();
        std::filesystem::remove_all(folder);
    }
    void start() {
        engine = std::make_unique<Engine>(*world, Catalog(functions_), options_);
        engine->start();
    }
    void restart() {
        engine.reset();
        start();
    }
    Value create(const cluster::ResourceType& type, const std::string& yaml) {
        return cluster->create(type, parse_yaml_value(yaml));
    }
    void blueprint(const std::string& actions) {
        create(types::kBlueprints, "metadata: {name: bp, namespace: default}\nactions:\n" + actions);
    }
    static constexpr const char* kSubject =
        "object: {apiVersion: v1, resource: configmaps, kind: ConfigMap, name: subject, namespace: default}";
    Value start_action(const std::string& action = "backup", const std::string& more = "",
                       const std::string& name = "run") {
        return create(types::kActionSets, "metadata: {name: " + name +
                                              ", namespace: default}\nspec: {actions: [{name: " + action +
                                              ", blueprint: bp, " + kSubject + more + "}]}");
    }
    Value get(const std::string& name = "run") { return cluster->get({types::kActionSets, "default", name}); }
    Value finish(const std::string& name = "run") {
        Value object;
        const bool has_ended = eventually([&] {
            object = get(name);
            const std::string state = object.get("status", "state").string_or("");
            return state == "complete" || state == "failed";
        });
        INFO(to_json(object, {.indent = "  "}));
        REQUIRE(has_ended);
        return object;
    }
    Value run(const std::string& action = "backup", const std::string& more = "",
              const std::string& name = "run") {
        start_action(action, more, name);
        return finish(name);
    }
    void wait_for_call(const std::string& call) {
        auto state = script.state.lock();
        REQUIRE(state.wait_until(std::chrono::steady_clock::now() + kPatience, [&] {
            return std::find(state->calls.begin(), state->calls.end(), call) != state->calls.end();
        }));
    }
    static std::string error(const Value& action_set) {
        return action_set.get("status", "error", "message").string_or("");
    }
    static std::string state(const Value& action_set) {
        return action_set.get("status", "state").string_or("");
    }
    static const Value& phase(const Value& action_set, std::size_t index) {
        return action_set.get("status", "actions").as_list().at(0)["phases"].as_list().at(index);
    }
    static const Value& defer(const Value& action_set) {
        return action_set.get("status", "actions").as_list().at(0)["deferPhase"];
    }

    std::filesystem::path folder;
    SystemClock clock;
    Log log{2, Log::Format::kText, LogLevel::kError};
    Script script;
    std::unique_ptr<cluster::Cluster> cluster;
    std::unique_ptr<net::HttpClient> http;
    std::unique_ptr<World> world;
    std::unique_ptr<Engine> engine;

  private:
    EngineOptions options_;
    std::vector<const Function*> functions_;
    Step safe_{script, "Step", true};
    Step unsafe_{script, "Once", false};
};

}  // namespace fencepost::run
