#include <catch2/catch.hpp>

#include "cli_world.h"
#include "value/json.h"

using namespace fencepost;

namespace {

constexpr const char* kBlueprint = R"(
apiVersion: cr.kanister.io/v1alpha1
kind: Blueprint
metadata: {name: pg}
actions:
  backup:
    outputArtifacts:
      dump: {keyValue: {path: "{{ .Phases.dump.Output.path }}", bytes: '{{ index .Phases.dump.Output "bytes" }}'}}
    phases:
      - func: KubeTask
        name: never
        if: '{{ eq .Options.level "full" }}'
        args: {image: a, command: [echo]}
      - func: KubeTask
        name: dump
        objects: {admin: {kind: Secret, name: admin, namespace: default}}
        args:
          image: tools
          command: [pg_dump, "{{ .Object.data.dbname | b64dec }}", "{{ .Phases.dump.Secrets.admin.Data.password | toString }}"]
      - func: KubeTask
        name: report
        args: {image: a, command: [echo, "{{ .Phases.dump.Output.path }}"]}
    deferPhase:
      func: KubeTask
      name: last
      args: {image: a, command: [echo, "{{ .Object.metadata.namespace }}"]}
)";
constexpr const char* kObjects = R"(
apiVersion: v1
kind: Secret
metadata: {name: app1-db, namespace: app1}
stringData: {dbname: app1, password: hunter22}
---
apiVersion: v1
kind: Secret
metadata: {name: admin, namespace: default}
data: {password: c2VjcmV0LWFkbWlu}
)";

struct Offline {
    Folder folder;
    std::string blueprint = folder.write("pg.yaml", kBlueprint);
    std::string objects = folder.write("objects.yaml", kObjects);

    Result render(std::vector<const char*> more) const {
        std::vector<const char*> arguments = {"render", "--object", "secret/app1-db", "-n",
                                              "app1",   "--server", "127.0.0.1:1"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return fencepost_cli(arguments);
    }
};

}  // namespace

TEST_CASE("render shows an action's arguments from files alone, with the values of Secrets hidden") {
    const Offline offline;
    const Result result = offline.render({offline.blueprint.c_str(), "-f", offline.objects.c_str(),
                                          "--action", "backup", "--option", "level=quick", "-o", "json"});
    INFO(result.errors);
    CHECK(result.code == 0);
    const Value view = parse_json(result.output);
    const List& phases = view["phases"].as_list();
    REQUIRE(phases.size() == 4);
    CHECK(phases[0]["isSkipped"].as_bool());
    CHECK(phases[0]["args"].is_nil());
    CHECK(to_json(phases[1]["args"]["command"], {.escape_html = false, .indent = ""}) ==
          R"(["pg_dump","<dbname of secret app1/app1-db>","<password of secret default/admin>"])");
    CHECK(to_json(phases[2]["args"]["command"], {.escape_html = false, .indent = ""}) ==
          R"(["echo","<dump.path>"])");
    CHECK(phases[3]["isDefer"].as_bool());
    CHECK(to_json(phases[3]["args"]["command"]) == R"(["echo","app1"])");
    CHECK(to_json(view["artifacts"]["dump"]["keyValue"], {.escape_html = false, .indent = ""}) ==
          R"({"bytes":"<dump.bytes>","path":"<dump.path>"})");
    CHECK(result.output.find("hunter22") == std::string::npos);
    CHECK(result.output.find("secret-admin") == std::string::npos);
}

TEST_CASE("render takes outputs of phases, and shows Secrets where it is told to") {
    const Offline offline;
    const Result result = offline.render({offline.blueprint.c_str(), "-f", offline.objects.c_str(),
                                          "--action", "backup", "--option", "level=full", "--phase-output",
                                          "dump.path=/x/y", "--show-secrets", "-o", "json"});
    INFO(result.errors);
    CHECK(result.code == 0);
    const Value view = parse_json(result.output);
    const List& phases = view["phases"].as_list();
    CHECK(to_json(phases[0]["args"]["command"]) == R"(["echo"])");
    CHECK(to_json(phases[1]["args"]["command"]) == R"(["pg_dump","app1","secret-admin"])");
    CHECK(to_json(phases[2]["args"]["command"]) == R"(["echo","/x/y"])");
}

TEST_CASE("render tells what does not render, and shows the rest") {
    const Offline offline;
    const Result result =
        offline.render({offline.blueprint.c_str(), "-f", offline.objects.c_str(), "--action", "backup"});
    CHECK(result.code == 1);
    CHECK(result.output.find("phase never: KubeTask\n  error: ") != std::string::npos);
    CHECK(result.output.find("level") != std::string::npos);
    CHECK(result.output.find("phase dump: KubeTask\n  command:\n") != std::string::npos);
}

TEST_CASE("render says what it lacks and what to do") {
    const Offline offline;
    struct Case {
        std::vector<const char*> arguments;
        int code;
        const char* message;
    };
    for (const Case& one :
         {Case{{offline.blueprint.c_str(), "-f", offline.objects.c_str(), "--action", "backp"},
               1,
               "did you mean 'backup'?"},
          {{offline.blueprint.c_str(), "--action", "backup"}, 1, "there is no secrets/app1/app1-db"},
          {{"pg", "-f", offline.objects.c_str(), "--action", "backup"},
           1,
           "there is no Blueprint default/pg"},
          {{offline.blueprint.c_str(), "-f", offline.objects.c_str(), "--action", "backup", "--profile",
            "store"},
           1,
           "there is no Profile default/store"},
          {{offline.objects.c_str(), "--action", "backup"}, 1, "holds no Blueprint"},
          {{"/nowhere.yaml", "--action", "backup"}, 1, "/nowhere.yaml"},
          {{offline.blueprint.c_str(), "-f", offline.objects.c_str(), "--action", "backup", "--phase-output",
            "x=y"},
           2,
           "PHASE.KEY=VALUE"}}) {
        const Result result = offline.render(one.arguments);
        INFO(result.errors);
        CHECK(result.code == one.code);
        CHECK(result.errors.find(one.message) != std::string::npos);
        CHECK(result.output.empty());
    }
}
