// What the API's tests stand on: the real server on a free port over a real embedded cluster (without Pods)
// and a real engine; the clients' side is the real HTTP client. Logs are scripted: they need no Pods then.
#pragma once

#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "api/api.h"
#include "base/encodings.h"
#include "base/error.h"
#include "base/task_group.h"
#include "cluster/local/local_cluster.h"
#include "functions/catalog.h"
#include "net/http_client.h"
#include "run/engine.h"
#include "tests/unit/eventually.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::api {

namespace types = cluster::types;

// The system's clock, moved ahead by as much as a test wants.
class MovedClock final : public Clock {
  public:
    [[nodiscard]] SystemTime now() const override { return system_.now() + ahead.load(); }
    [[nodiscard]] SteadyTime steady_now() const override { return system_.steady_now(); }
    void sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) override {
        system_.sleep(duration, cancel);
    }
    std::atomic<std::chrono::hours> ahead{std::chrono::hours(0)};

  private:
    SystemClock system_;
};

class ApiWorld {
  public:
    struct Answer {
        int status = 0;
        net::Headers headers;
        std::string text;
        Value body;  // where it is JSON
        [[nodiscard]] std::string header(std::string_view name) const {
            for (const auto& [key, value] : headers) {
                if (std::equal(key.begin(), key.end(), name.begin(), name.end(),
                               [](char a, char b) { return std::tolower(a) == std::tolower(b); })) {
                    return value;
                }
            }
            return {};
        }
        // The pointers of a problem's causes.
        [[nodiscard]] std::vector<std::string> pointers() const {
            std::vector<std::string> result;
            for (const Value& cause : body["causes"].list_or_empty())
                result.push_back(cause["pointer"].string_or(""));
            return result;
        }
        [[nodiscard]] std::string cause(std::string_view pointer) const {
            for (const Value& cause : body["causes"].list_or_empty()) {
                if (cause["pointer"] == Value(pointer))
                    return cause["detail"].string_or("") + " | " + cause["hint"].string_or("");
            }
            return {};
        }
    };

    explicit ApiWorld(SecurityOptions security = {}) {
        std::filesystem::create_directories(folder);
        cluster =
            cluster::local::open_local_cluster({.data_dir = folder / "data", .run_pods = false}, clock, log);
        http = net::make_http_client();
        world = std::make_unique<run::World>(run::World{*cluster, clock, *http, log, "default"});
        engine = std::make_unique<run::Engine>(*world, functions::catalog(),
                                               run::EngineOptions{.log_folder = folder / "logs"});
        engine->start();
        create("{apiVersion: v1, kind: Namespace, metadata: {name: app}}");
        create(
            "{apiVersion: v1, kind: Secret, metadata: {name: db, namespace: app, labels: {type: "
            "database-credential}}}");
        create(
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: gate, namespace: app}, data: {open: "
            "'false'}}");
        create(
            "{apiVersion: cr.kanister.io/v1alpha1, kind: Profile, metadata: {name: store, namespace: "
            "default}, location: {type: filestore, path: /tmp}}");
        create(kBlueprint);
        create(kBinding);
        api = start_api(
            {.version = "1.2.3",
             .store_bytes = [] { return std::uint64_t{4711}; },
             .security = std::move(security)},
            *cluster,
            {.logs = [this](const std::string& id, const std::string& phase, bool follow,
                            const std::function<void(std::string_view)>& sink,
                            const CancelToken& cancel) { write_log(id, phase, follow, sink, cancel); },
             .obligations = [this](bool all) { return engine->obligations(all); },
             .release = [this](const std::string& id,
                               const CancelToken& cancel) { engine->release_obligation(id, cancel); },
             .extend = [this](const std::string& id, SystemTime deadline,
                              const CancelToken& cancel) { engine->extend_obligation(id, deadline, cancel); },
             .catalog = &catalog,
             .http = http.get()},
            clock, log);
    }
    ~ApiWorld() {
        api.reset();
        engine.reset();
        cluster.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder, ignored);
    }

    Answer request(const std::string& method, const std::string& path, const std::string& body = "",
                   net::Headers headers = {}) {
        net::HttpRequest request;
        request.method = method;
        request.url = "http://127.0.0.1:" + std::to_string(api->port()) + path;
        request.headers = std::move(headers);
        request.body = body;
        request.deadline = std::chrono::steady_clock::now() + kPatience;
        net::HttpResponse response = http->request(request, {});
        Answer answer{response.status, response.headers, response.body, {}};
        if (answer.header("Content-Type").find("json") != std::string::npos && !answer.text.empty() &&
            answer.text.find("}\n{") == std::string::npos) {
            answer.body = parse_json(answer.text);
        }
        return answer;
    }
    Answer get(const std::string& path) { return request("GET", path); }
    Answer post(const std::string& path, const std::string& body, net::Headers more = {}) {
        more.emplace_back("Content-Type", "application/json");
        return request("POST", path, body, std::move(more));
    }

    static constexpr const char* kSubject =
        R"("subject":{"resource":"secrets","name":"db","namespace":"app"})";
    std::string start(const std::string& action = "backup", const std::string& more = "") {
        const Answer answer = post("/v1/actions", "{\"action\":\"" + action + "\"," + kSubject + more + "}");
        INFO(answer.text);
        REQUIRE(answer.status == 201);
        return answer.body["id"].as_string();
    }
    Value finish(const std::string& id) {
        const Answer answer = get("/v1/actions/" + id + "?wait=10s");
        REQUIRE(answer.status == 200);
        return answer.body;
    }
    Value complete(const std::string& action = "backup", const std::string& more = "") {
        return finish(start(action, more));
    }
    void open_gate() {
        cluster->patch({types::kConfigMaps, "app", "gate"}, cluster::PatchType::kMerge,
                       parse_json(R"({"data":{"open":"true"}})"));
    }
    void wait_until(const std::string& id, const std::string& state) {
        CAPTURE(id, state);
        REQUIRE(eventually([&] { return get("/v1/actions/" + id).body["state"] == Value(state); }));
    }
    Value create(const std::string& yaml) {
        const Value object = parse_yaml_value(yaml);
        const std::string api_version = object["apiVersion"].string_or("");
        const auto slash = api_version.find('/');
        const auto type =
            cluster->find_type(slash == std::string::npos ? "" : api_version.substr(0, slash),
                               slash == std::string::npos ? api_version : api_version.substr(slash + 1),
                               object["kind"].string_or(""));
        REQUIRE(type);
        return cluster->create(type->type, object);
    }

    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("fencepost-api-" + random_name_suffix(8));
    MovedClock clock;
    Log log{STDERR_FILENO, Log::Format::kText, LogLevel::kError};
    std::unique_ptr<cluster::Cluster> cluster;
    std::unique_ptr<net::HttpClient> http;
    const run::Catalog catalog = functions::catalog();
    std::unique_ptr<run::World> world;
    std::unique_ptr<run::Engine> engine;
    std::unique_ptr<Api> api;
    std::atomic<bool> log_goes_on{true};

  private:
    void write_log(const std::string& id, const std::string& phase, bool follow,
                   const std::function<void(std::string_view)>& sink, const CancelToken& cancel) {
        sink("first line of " + id + (phase.empty() ? "" : "/" + phase) + "\n");
        while (follow && log_goes_on && cancel.wait_for(std::chrono::milliseconds(2))) {
        }
        sink("last line\n");
    }

    // backup ends at once, slow when the gate is open, broken never well, later once a ConfigMap `late` is
    // there.
    static constexpr const char* kBlueprint = R"(
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {name: bp, namespace: default}
actions:
  backup:
    outputArtifacts: {made: {keyValue: {name: '{{ .Phases.make.Output.name }}', level: '{{ index .Options "level" }}'}}}
    phases:
    - func: KubeOps
      name: make
      args: {operation: create, namespace: app, spec: '{apiVersion: v1, kind: ConfigMap, metadata: {generateName: made-}}'}
  restore:
    inputArtifactNames: [made]
    phases:
    - func: KubeOps
      name: unmake
      args: {operation: delete, objectReference: {apiVersion: v1, resource: configmaps, namespace: app, name: '{{ .ArtifactsIn.made.KeyValue.name }}'}}
  slow:
    phases:
    - func: WaitV2
      name: wait
      args: {timeout: 1m, conditions: {anyOf: [{condition: '{{ .data.open }}', objectReference: {apiVersion: v1, resource: configmaps, namespace: app, name: gate}}]}}
    deferPhase: {func: KubeOps, name: last, args: {operation: create, namespace: app, spec: '{apiVersion: v1, kind: ConfigMap, metadata: {generateName: last-}}'}}
  later:
    outputArtifacts: {made: {keyValue: {name: '{{ .Phases.make.Output.name }}'}}}
    phases:
    - func: KubeOps
      name: make
      args: {operation: create, namespace: app, spec: '{apiVersion: v1, kind: ConfigMap, metadata: {generateName: made-}}'}
    - func: KubeOps
      name: take
      args: {operation: delete, objectReference: {apiVersion: v1, resource: configmaps, namespace: app, name: late}}
  broken:
    phases: [{func: KubeOps, name: fail, args: {operation: delete, objectReference: {apiVersion: v1, resource: configmaps, namespace: app, name: nobody}}}]
)";
    static constexpr const char* kBinding = R"(
apiVersion: config.kio.kasten.io/v1alpha1
kind: BlueprintBinding
metadata: {name: databases, namespace: default}
spec:
  blueprintRef: {name: bp, namespace: default}
  resources:
    matchAll:
    - type: {operator: In, values: [{resource: secrets}]}
    - labels: {key: type, operator: In, values: [database-credential]}
)";
};

}  // namespace fencepost::api
