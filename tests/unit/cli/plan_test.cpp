#include <catch2/catch.hpp>

#include "base/files.h"
#include "cli_world.h"
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
    const auto has = [&](const std::string& text) {
        CAPTURE(text);
        CHECK(result.output.find(text) != std::string::npos);
    };
    has(blueprint + ":18:32: error: default/admin has no key 'pasword' [missing-key]");
    has(blueprint + ":23:38: error: there is no Pod app1/pg-0 [missing-object]");
    has("lint       ok");
    has("location   skipped   the action has no profile");
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
    const std::string file = FENCEPOST_SOURCE_DIR "/tests/golden/seeded/plan/02-missing-secret.yaml";
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
    CHECK(result.output.find("location   ok") != std::string::npos);
    CHECK(std::filesystem::is_empty(store));
}
