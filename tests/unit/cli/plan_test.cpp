#include <catch2/catch.hpp>

#include "base/files.h"
#include "base/log.h"
#include "cli_world.h"
#include "net/http_server.h"
#include "tests/unit/source_dir.h"
#include "value/json.h"

using namespace fencepost;

namespace {

constexpr const char* kObjects = R"(
apiVersion: v1
kind: Secret
metadata: {name: app1-db, namespace: app1}
stringData: {dbname: app1, password: hunter22}
---
apiVersion: v1
kind: Secret
metadata: {name: admin, namespace: default}
stringData: {username: postgres}
)";

constexpr const char* kBlueprint = R"(apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {name: pg}
actions:
  check:
    phases:
      - func: KubeTask
        name: dump
        objects: {admin: {kind: Secret, name: admin, namespace: default}}
        args:
          image: tools:1
          command: [echo]
          podOverride:
            containers:
              - name: container
                env:
                  - name: PGPASSWORD
                    value: "{{ .Phases.dump.Secrets.admin.Data.pasword | toString }}"
                  - name: OTHER
                    valueFrom: {secretKeyRef: {name: nowhere, key: x}}
      - func: KubeExec
        name: flush
        args: {namespace: app1, pod: pg-0, command: [sync]}
      - func: Wait
        name: wait
        args:
          timeout: 1m
          conditions:
            anyOf:
              - condition: '{{ if eq "a" "a" }}true{{ end }}'
                objectReference: {apiVersion: v1, resource: pod, name: a, namespace: app1}
)";

// The line of a text in another, to say where something must be found.
std::string place_of(const std::string& file, const std::string& text, const std::string& needle) {
    const std::size_t at = text.find(needle);
    REQUIRE(at != std::string::npos);
    return file + ":" +
           std::to_string(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') +
                          1) +
           ":";
}

void check_told(const Result& result, const std::string& text) {
    CAPTURE(text);
    CHECK(result.output.find(text) != std::string::npos);
}

Result plan(const std::string& blueprint, const std::string& objects, std::vector<const char*> more) {
    std::vector<const char*> arguments = {"plan",     blueprint.c_str(),     "-f",       objects.c_str(),
                                          "--object", "secret/app1/app1-db", "--server", "127.0.0.1:1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return fencepost_cli(arguments);
}

}  // namespace

TEST_CASE("plan finds what a run would miss, at its line of the blueprint") {
    const Folder folder;
    const std::string blueprint = folder.write("pg.yaml", kBlueprint);
    const std::string objects = folder.write("objects.yaml", kObjects);
    const Result result = plan(blueprint, objects, {"--action", "check"});
    INFO(result.output << result.errors);
    CHECK(result.code == 1);
    const auto has = [&](const std::string& text) { check_told(result, text); };
    has(blueprint + ":18:32: error: default/admin has no key 'pasword' [missing-key]");
    has(blueprint + ":23:38: error: there is no Pod app1/pg-0 [missing-object]");
    has("lint          ok");
    has("location      skipped   the action has no profile");
    CHECK(result.output.find("hunter22") == std::string::npos);
}

TEST_CASE("plan of what can run says so, and ends with 0") {
    const Folder folder;
    const std::string objects = folder.write("objects.yaml", kObjects);
    const std::string blueprint = folder.write(
        "fine.yaml",
        "apiVersion: cr.kanister.io/v1alpha1\nkind: Blueprint\nmetadata: {name: fine}\nactions:\n  check:\n"
        "    phases:\n      - func: KubeTask\n        name: work\n        args: {image: 'a:1', command: "
        "[echo]}\n");
    const Result result = plan(blueprint, objects, {"--action", "check", "-o", "json"});
    INFO(result.output << result.errors);
    CHECK(result.code == 0);
    const Value view = parse_json(result.output);
    CHECK(view["errors"] == Value(0));
    CHECK(view["checks"].as_list().size() >= 4);
}

TEST_CASE("the seeded defect that needs a cluster is found at its line: a missing Secret") {
    const Folder folder;
    const std::string objects = folder.write("objects.yaml", kObjects);
    const std::string file = source_dir() + "/tests/golden/seeded/plan/02-missing-secret.yaml";
    const std::string text = read_file(file);
    const std::size_t mark = text.find("# here: missing-object");
    REQUIRE(mark != std::string::npos);
    const auto line = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(mark), '\n') + 1;
    const Result result = plan(file, objects, {"--action", "backup"});
    INFO(result.output << result.errors);
    CHECK(result.code == 1);
    CHECK(result.output.find(file + ":" + std::to_string(line) + ":") != std::string::npos);
    CHECK(result.output.find("there is no Secret app1/postgres-admin [missing-object]") != std::string::npos);
}

TEST_CASE("plan asks the location, and reads alone") {
    const Folder folder;
    const std::filesystem::path store = folder.path / "store";
    std::filesystem::create_directories(store);
    const std::string blueprint = folder.write("pg.yaml", kBlueprint);
    const auto objects_with = [&](const std::string& path) {
        return folder.write("objects.yaml",
                            std::string(kObjects) +
                                "---\napiVersion: cr.kanister.io/v1alpha1\nkind: Profile\nmetadata: {name: "
                                "store, namespace: default}\nlocation: {type: filestore, path: " +
                                path + "}\n");
    };
    const std::string there = objects_with(store.string());
    Result result = plan(blueprint, there, {"--action", "check", "--profile", "store"});
    INFO(result.output << result.errors);
    CHECK(result.output.find("location      ok") != std::string::npos);
    CHECK(std::filesystem::is_empty(store));
}

TEST_CASE("plan looks for the objects that functions act on, and knows what earlier phases make") {
    const std::string head =
        "apiVersion: cr.kanister.io/v1alpha1\nkind: Blueprint\nmetadata: {name: t}\nactions:\n  check:\n    "
        "phases:\n";
    const std::string phases = R"(      - func: ScaleWorkload
        name: scale-missing
        args: {namespace: app2, kind: StatefulSet, name: nowhere, replicas: 0}
      - func: ScaleWorkload
        name: scale
        args: {namespace: app2, kind: Deployment, name: web, replicas: 0}
      - func: KubeExecAll
        name: exec-all
        args: {namespace: app3, pods: "pg-0 pg-1", containers: "main sidecar", command: [sync]}
      - func: KubeOps
        name: make
        args: {operation: create, namespace: app1, spec: "{apiVersion: v1, kind: ConfigMap, metadata: {name: new}}"}
      - func: KubeOps
        name: make-again
        args: {operation: create, namespace: app1, spec: "{apiVersion: v1, kind: Secret, metadata: {name: app1-db}}"}
      - func: KubeOps
        name: change
        args: {operation: patch, spec: "{data: {}}", objectReference: {apiVersion: v1, resource: configmaps, name: new, namespace: app1}}
      - func: KubeOps
        name: remove
        args: {operation: delete, objectReference: {apiVersion: v1, resource: configmaps, name: old, namespace: app3}}
      - func: Wait
        name: wait
        args:
          timeout: 1m
          conditions:
            anyOf:
              - condition: '{{ if eq "a" "a" }}true{{ end }}'
                objectReference: {apiVersion: v1, resource: services, name: "{{ .Object.metadata.name }}-svc", namespace: app3}
      - func: KubeTask
        name: job
        args:
          image: a:1
          namespace: app3
          command: [echo]
          podOverride:
            volumes: [{name: data, persistentVolumeClaim: {claimName: lost}}]
      - func: KubeExec
        name: after-scaling
        args: {namespace: app2, pod: web-1, command: [sync]}
      - func: KubeExec
        name: cannot-tell
        args: {namespace: app3, pod: "{{ .Phases.make.Output.name }}", command: [sync]}
)";
    const Folder folder;
    const std::string file = folder.write("t.yaml", head + phases);
    const std::string objects = folder.write(
        "objects.yaml",
        std::string(kObjects) +
            "---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: app2}}\n"
            "---\n{apiVersion: v1, kind: Pod, metadata: {name: pg-0, namespace: app3}, spec: {containers: "
            "[{name: main}]}}\n");
    const Result result = plan(file, objects, {"--action", "check"});
    INFO(result.output << result.errors);
    CHECK(result.code == 1);
    const auto told = [&](const std::string& phase, const std::string& text) {
        CAPTURE(phase);
        check_told(result, text);
    };
    told("scale-missing", "error: there is no StatefulSet app2/nowhere [missing-object]");
    told("exec-all", "error: there is no Pod app3/pg-1 [missing-object]");
    told("exec-all", "error: the Pod app3/pg-0 has no container 'sidecar' [missing-object]");
    told("make-again", "error: there is a Secret app1/app1-db already [existing-object]");
    told("remove", "error: there is no ConfigMap app3/old [missing-object]");
    told("wait", "warning: there is no Service app3/app1-db-svc [missing-object]");
    told("job", "error: there is no PersistentVolumeClaim app3/lost [missing-object]");
    told("after-scaling", "warning: there is no Pod app2/web-1 yet [missing-object]");
    for (const std::string fine : {"Deployment app2/web", "ConfigMap app1/new", "<make.name>"})
        CHECK(result.output.find("no " + fine) == std::string::npos);
    CHECK(result.output.find(place_of(file, head + phases, "name: nowhere")) != std::string::npos);
    CHECK(result.output.find(place_of(file, head + phases, "claimName: lost")) != std::string::npos);
}

TEST_CASE("plan lists the images of all phases, and judges those that only rendering tells") {
    const Folder folder;
    const std::string objects = folder.write("objects.yaml", kObjects);
    const std::string blueprint = folder.write(
        "t.yaml",
        "apiVersion: cr.kanister.io/v1alpha1\nkind: Blueprint\nmetadata: {name: t}\nactions:\n  check:\n"
        "    phases:\n"
        "      - {func: KubeTask, name: fine, args: {image: 'a:1', command: [echo]}}\n"
        "      - {func: KubeTask, name: wrong, args: {image: '{{ .Options.image }}', command: [echo]}}\n"
        "      - {func: KubeTask, name: loose, args: {image: '{{ .Options.loose }}', command: [echo]}}\n");
    const Result result = plan(blueprint, objects,
                               {"--action", "check", "--option", "image=Tools:1", "--option", "loose=tools"});
    INFO(result.output << result.errors);
    CHECK(result.code == 1);
    const auto has = [&](const std::string& text) { check_told(result, text); };
    has(blueprint + ":8:53: error: 'Tools:1' is no image: ");
    has(blueprint + ":9:53: warning: the image 'tools' has no fixed tag [image-tag]");
    has("a:1 (phase 'fine')");
    has("permissions   skipped   no server answers that could be asked");
}

TEST_CASE("plan asks a server that has access reviews what the caller may do") {
    // An API server with nothing in it but rules: no exec, all else.
    const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    Log log(null, Log::Format::kText, LogLevel::kError);
    const auto handler = [](const net::ServerRequest& request) {
        const auto json = [](const std::string& body, int status = 200) {
            net::ServerResponse response;
            response.status = status;
            response.headers = {{"Content-Type", "application/json"}};
            response.body = body;
            return response;
        };
        if (request.path == "/apis") {
            return json(
                R"({"groups": [{"name": "authorization.k8s.io", "versions": [{"groupVersion": "authorization.k8s.io/v1", "version": "v1"}]}]})");
        }
        if (request.path == "/apis/authorization.k8s.io/v1") {
            return json(
                R"({"resources": [{"name": "selfsubjectaccessreviews", "singularName": "", "kind": "SelfSubjectAccessReview", "namespaced": false}]})");
        }
        if (request.method == "POST" && request.path.ends_with("/selfsubjectaccessreviews")) {
            const Value asked = parse_json(request.body).get("spec", "resourceAttributes");
            const bool is_exec = asked["verb"] == Value("create") && asked["resource"] == Value("pods") &&
                                 asked["subresource"] == Value("exec") && asked["namespace"] == Value("app1");
            return json(is_exec ? R"({"status": {"allowed": false, "reason": "no rule says so"}})"
                                : R"({"status": {"allowed": true}})",
                        201);
        }
        return request.path.ends_with("s") ? json(R"({"items": [], "resources": []})") : json("{}", 404);
    };
    const auto server = net::start_http_server({}, handler, log);
    const Folder folder;
    const std::string objects = folder.write(
        "objects.yaml", std::string(kObjects) +
                            "---\n{apiVersion: v1, kind: Pod, metadata: {name: pg-0, namespace: app1}, spec: "
                            "{containers: [{name: main}]}}\n");
    const std::string blueprint = folder.write(
        "t.yaml",
        "apiVersion: cr.kanister.io/v1alpha1\nkind: Blueprint\nmetadata: {name: t}\nactions:\n  check:\n"
        "    phases:\n"
        "      - {func: KubeTask, name: job, args: {image: 'a:1', command: [echo]}}\n"
        "      - {func: KubeExec, name: flush, args: {namespace: app1, pod: pg-0, command: [sync]}}\n");
    const std::string address = "127.0.0.1:" + std::to_string(server->port());
    const Result result =
        fencepost_cli({"plan", blueprint.c_str(), "-f", objects.c_str(), "--object", "secret/app1/app1-db",
                       "--server", address.c_str(), "--action", "check"});
    server->stop();
    ::close(null);
    INFO(result.output << result.errors);
    CHECK(result.code == 1);
    CHECK(result.output.find(blueprint +
                             ":8:16: error: you may not create pods/exec pg-0 in the namespace app1: no rule "
                             "says so [forbidden]") != std::string::npos);
    // The job's create, get, watch and delete of Pods and get of pods/log; the exec's get and create.
    CHECK(result.output.find("permissions   error     6 of 7 are granted") != std::string::npos);
}
