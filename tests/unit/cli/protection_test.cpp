#include <csignal>

#include "cli_world.h"
#include "tests/unit/api/api_world.h"

using namespace fencepost;

namespace {

namespace types = cluster::types;

// A daemon with an application: a Secret that a blueprint governs, and a volume of nobody's.
struct Protected : api::ApiWorld {
    Protected() {
        create(
            "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: files, namespace: app}, spec: "
            "{accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}");
    }

    Result cli(std::vector<const char*> arguments) {
        arguments.insert(arguments.end(), {"--server", address.c_str()});
        return fencepost_cli(arguments);
    }

    Value only(const std::string& resource, const std::string& ns) {
        const auto list = cluster->list({"fencepost.io", "v1alpha1", resource}, {.ns = ns});
        REQUIRE(list.items.size() == 1);
        return list.items.front();
    }
    [[nodiscard]] bool has_namespace(const std::string& name) {
        const auto all = cluster->list(types::kNamespaces).items;
        return std::any_of(all.begin(), all.end(),
                           [&](const Value& one) { return cluster::name_of(one) == name; });
    }

    // Acts as the daemon's controller on BackupActions: what `answer` gives for one, as it is created and as
    // it changes, becomes its status. An end of one is the end.
    void control(const std::function<const char*(const Value& action)>& answer) {
        const cluster::ResourceType type{"fencepost.io", "v1alpha1", "backupactions"};
        const auto watch = cluster->watch(type, {.ns = "app"});
        while (const auto event = watch->next({}, std::chrono::steady_clock::now() + kPatience)) {
            const char* status = answer(event->object);
            if (status == nullptr) continue;
            const Value patch(Map{{"status", parse_yaml_value(status)}});
            cluster->patch({type, "app", cluster::name_of(event->object)}, cluster::PatchType::kMerge, patch);
            if (!patch.get("status", "endTime").is_nil()) return;
        }
    }

    const std::string address = "127.0.0.1:" + std::to_string(api->port());
};

}  // namespace

TEST_CASE("backup --plan shows what would be captured, governed and copied, and writes nothing") {
    Protected world;
    Result result = world.cli({"backup", "app", "--plan"});
    INFO(result.output << result.errors);
    CHECK(result.code == 0);
    CHECK_THAT(result.output, Catch::StartsWith("RESOURCE     BLUEPRINT   BINDING     ACTIONS   VOLUMES\n"
                                                "secrets/db   bp          databases   backup    -\n"));
    CHECK_THAT(result.output, Catch::Contains("\nCopied without hooks (nothing governs them):\n  files\n"));
    CHECK_THAT(result.output, Catch::Contains("persistentvolumeclaims   1\n"));

    result = world.cli({"backup", "app", "--plan", "--exclude", "secret/db", "-o", "json"});
    const Value plan = parse_json(result.output);
    CHECK(plan["resources"] == Value(List{}));
    CHECK(plan["skipped"].as_list().at(0)["name"] == Value("db"));
    CHECK(plan["claims"] == Value(List{"files"}));

    result = world.cli({"backup", "app", "--plan", "--exclude-labels", "type=database-credential,x=y"});
    CHECK_THAT(result.output, Catch::Contains("secrets/db"));
    result = world.cli({"backup", "app", "--plan", "--exclude-labels", "type=database-credential"});
    CHECK_THAT(result.output, Catch::StartsWith("No blueprint governs anything") &&
                                  Catch::Contains("LEFT OUT     REASON\nsecrets/db   filtered\n"));

    result = world.cli({"backup", "app", "--plan", "--include", "pvc", "-o", "name"});
    CHECK(result.output == "persistentvolumeclaims/files\n");
    CHECK(world.cluster->list({"fencepost.io", "v1alpha1", "backupactions"}).items.empty());
}

TEST_CASE("backup creates a BackupAction as its flags say") {
    Protected world;
    const Result result =
        world.cli({"backup", "app", "--detach", "--profile", "infra/store", "--expires-in", "48h",
                   "--include", "secret", "--exclude", "configmap/gate", "--exclude-labels", "role=replica"});
    INFO(result.output << result.errors);
    CHECK(result.code == 0);
    const Value action = world.only("backupactions", "app");
    CHECK(result.output == "backupaction/" + cluster::name_of(action) + " created\n");
    CHECK_THAT(cluster::name_of(action), Catch::StartsWith("backup-"));
    CHECK(action["metadata"]["labels"] ==
          parse_yaml_value("{k10.kasten.io/appName: app, k10.kasten.io/appNamespace: app}"));
    Value spec = action["spec"];
    const auto lasts = parse_rfc3339(spec["expiresAt"].as_string()) - SystemClock().now();
    CHECK(lasts > std::chrono::hours(47));
    CHECK(lasts <= std::chrono::hours(48));
    spec.erase("expiresAt");
    CHECK(spec == parse_yaml_value(R"(
subject: {name: app, namespace: app}
profile: {name: store, namespace: infra}
filters:
  includeResources: [{group: core, resource: secrets}]
  excludeResources:
  - {group: core, resource: configmaps, name: gate}
  - {matchLabels: {role: replica}}
)"));
}

TEST_CASE("backup follows its action to the end and tells what came of it") {
    Protected world;
    const auto follow = [&](const char* end, std::vector<const char*> arguments) {
        TaskGroup controller;
        controller.spawn([&] { world.control([&](const Value&) { return end; }); });
        Result result = world.cli(std::move(arguments));
        controller.join();
        world.cluster->remove({{"fencepost.io", "v1alpha1", "backupactions"},
                               "app",
                               cluster::name_of(world.only("backupactions", "app"))});
        return result;
    };
    const char* const complete = R"(
state: Complete
endTime: 2026-11-21T00:00:09Z
objects: 3
restorePoint: {name: point-1, namespace: app}
plan: {claims: [files], resources: [{claims: [a, b], actions: [backupPrehook]}, {claims: [c], actions: [backup]}]}
steps:
- {name: backupPrehook of secrets/db, state: Complete, startTime: 2026-11-21T00:00:00Z, endTime: 2026-11-21T00:00:02Z}
- {name: snapshot of files, state: Skipped}
window: [{resource: secrets/db, prehookSeconds: 2, toSnapshotSeconds: 0.25, fencedSeconds: 7.5}]
exceptions: [{message: a Secret has gone meanwhile}]
)";
    Result result = follow(complete, {"backup", "app"});
    INFO(result.output << result.errors);
    CHECK(result.code == 0);
    for (const char* line :
         {"\nstep backupPrehook of secrets/db: complete in 2s\n", "\nstep snapshot of files: skipped\n",
          " is complete\nrestore point point-1: 3 objects, 3 volumes\n",
          "RESOURCE     PREHOOK   TO SNAPSHOT   SNAPSHOT   TO POSTHOOK   POSTHOOK   FENCED\n"
          "secrets/db   2s        250ms         -          -             -          7.5s\n"})
        CHECK_THAT(result.output, Catch::Contains(line));
    CHECK(result.errors == "warning: a Secret has gone meanwhile\n");

    result = follow(complete, {"backup", "app", "-o", "jsonpath={.status.restorePoint.name}"});
    CHECK(result.output == "point-1");

    result = follow(
        "{state: Failed, endTime: 2026-11-21T00:00:09Z, error: {message: no snapshot, cause: the driver is "
        "away}}",
        {"backup", "app"});
    CHECK(result.code == 1);
    CHECK(result.errors == "error: no snapshot\n  the driver is away\n");
}

TEST_CASE("Ctrl-C cancels the BackupAction and waits for its end") {
    // Before there is any thread: none of them may take the signal.
    sigset_t interrupt;
    sigset_t before;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupt, &before);
    {
        Protected world;
        TaskGroup controller;
        controller.spawn([&] {
            world.control([](const Value& action) -> const char* {
                if (action["spec"]["cancel"].bool_or(false))
                    return "{state: Cancelled, endTime: 2026-11-21T00:00:09Z}";
                if (!action["status"].is_nil()) return nullptr;
                ::kill(::getpid(), SIGINT);
                return "{state: Running}";
            });
        });
        const Result result = world.cli({"backup", "app"});
        controller.join();
        INFO(result.output << result.errors);
        CHECK(result.code == 3);
        CHECK_THAT(result.errors, Catch::StartsWith("cancelling backup-"));
        CHECK_THAT(result.output, Catch::Contains(" is cancelled\n"));
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("restore creates a RestoreAction where it restores to, and its namespace") {
    Protected world;
    const Folder folder;
    const std::string transforms =
        folder.write("t.yaml", "- {subject: {resource: secrets}, json: [{op: remove, path: /data/a}]}\n");
    world.create(
        "{apiVersion: fencepost.io/v1alpha1, kind: RestorePoint, metadata: {name: p, namespace: app}}");
    Result result = world.cli({"restore", "p", "-n", "app", "--into", "copy", "--overwrite", "--skip-wait",
                               "--include", "secret/db", "--transforms", transforms.c_str(), "--blueprints",
                               "live", "--detach", "-o", "name"});
    INFO(result.output << result.errors);
    CHECK(result.code == 0);
    Value action = world.only("restoreactions", "copy");
    CHECK(result.output == "restoreaction.fencepost.io/" + cluster::name_of(action) + "\n");
    CHECK_THAT(cluster::name_of(action), Catch::StartsWith("restore-"));
    CHECK(action["spec"] == parse_yaml_value(R"(
subject: {kind: RestorePoint, name: p, namespace: app}
overwriteExisting: true
skipWaitForWorkloadReady: true
filters: {includeResources: [{group: core, resource: secrets, name: db}]}
transforms: [{subject: {resource: secrets}, json: [{op: remove, path: /data/a}]}]
blueprintSource: live
)"));

    CHECK(world
              .cli({"restore", "p", "-n", "app", "--data-only", "--point-in-time", "2026-11-22T07:30:00Z",
                    "--detach"})
              .code == 0);
    CHECK(world.only("restoreactions", "app")["spec"] ==
          parse_yaml_value("{subject: {kind: RestorePoint, name: p, namespace: app}, dataOnly: true, "
                           "pointInTime: '2026-11-22T07:30:00Z'}"));

    // Of a namespace that is gone, what is left says where it was.
    world.create(
        "{apiVersion: fencepost.io/v1alpha1, kind: RestorePointContent, metadata: {name: c}, spec: "
        "{application: {name: lost, namespace: lost}}}");
    result = world.cli({"restore", "--content", "c", "--detach"});
    CHECK(result.code == 0);
    CHECK(world.has_namespace("lost"));
    action = world.only("restoreactions", "lost");
    CHECK(action["spec"] == parse_yaml_value("{subject: {kind: RestorePointContent, name: c}}"));
}

TEST_CASE("export creates an ExportAction beside its application, or beside the server where that is gone") {
    Protected world;
    world.create(
        "{apiVersion: fencepost.io/v1alpha1, kind: RestorePoint, metadata: {name: p, namespace: app}}");
    Result result = world.cli(
        {"export", "p", "-n", "app", "--profile", "infra/offsite", "--expires-in", "48h", "--detach"});
    INFO(result.output << result.errors);
    CHECK(result.code == 0);
    Value action = world.only("exportactions", "app");
    CHECK_THAT(cluster::name_of(action), Catch::StartsWith("export-"));
    CHECK(action.get("spec", "expiresAt").is_string());
    CHECK(action.get("spec", "subject") == parse_yaml_value("{kind: RestorePoint, name: p, namespace: app}"));
    CHECK(action.get("spec", "profile") == parse_yaml_value("{name: offsite, namespace: infra}"));

    world.create(
        "{apiVersion: fencepost.io/v1alpha1, kind: RestorePointContent, metadata: {name: c}, spec: "
        "{application: {name: lost, namespace: lost}}}");
    CHECK(world.cli({"export", "--content", "c", "--profile", "offsite", "--detach"}).code == 0);
    action = world.only("exportactions", "default");
    CHECK(action.get("spec", "subject") == parse_yaml_value("{kind: RestorePointContent, name: c}"));
    CHECK(!world.has_namespace("lost"));
}

TEST_CASE("import creates an ImportAction beside the server; --list shows what is there and leaves nothing") {
    Protected world;
    Result result = world.cli({"import", "export-1", "--profile", "offsite", "--trusted-key", "SHA256:1",
                               "--application", "app", "--detach"});
    INFO(result.output << result.errors);
    CHECK(result.code == 0);
    const Value action = world.only("importactions", "default");
    CHECK(action["spec"] == parse_yaml_value("{profile: {name: offsite}, application: app, "
                                             "restorePoint: export-1, trustedKey: 'SHA256:1'}"));
    const cluster::ResourceType type{"fencepost.io", "v1alpha1", "importactions"};
    world.cluster->remove({type, "default", cluster::name_of(action)});

    TaskGroup controller;
    controller.spawn([&] {
        const auto watch = world.cluster->watch(type, {.ns = "default"});
        while (const auto event = watch->next({}, std::chrono::steady_clock::now() + kPatience)) {
            if (!event->object.get("spec", "list").bool_or(false)) continue;
            const Value patch(Map{{"status", parse_yaml_value(R"(
state: Complete
endTime: 2026-11-21T00:00:09Z
location: s3://bucket
available:
- {name: app-export-1-x, restorePoint: export-1, application: {namespace: app}, actionTime: 2026-11-21T00:00:00Z, objects: 3, volumes: 1, bytes: 4096, signedBy: 'SHA256:1'}
- {name: fencepost-exports/points/app/other.json, error: it is no index}
)")}});
            world.cluster->patch({type, "default", cluster::name_of(event->object)},
                                 cluster::PatchType::kMerge, patch);
            return;
        }
    });
    result = world.cli({"import", "--profile", "offsite", "--list"});
    controller.join();
    INFO(result.output << result.errors);
    CHECK(result.code == 0);
    CHECK_THAT(result.output,
               Catch::Contains(
                   "export-1                                  app           2026-11-21T00:00:00Z   3     "
                   "    1         4096    SHA256:1\n"));
    CHECK_THAT(result.output, Catch::Contains("not to be trusted: it is no index\n"));
    CHECK(world.cluster->list(type).items.empty());
}

TEST_CASE("backup, restore, export and import say what is wrong, and make nothing then") {
    Protected world;
    const Folder folder;
    const auto refused = [&](int code, const std::string& text, std::vector<const char*> arguments) {
        CAPTURE(text);
        const Result result = world.cli(std::move(arguments));
        CHECK(result.code == code);
        CHECK_THAT(result.errors, Catch::Contains(text));
    };
    refused(1, "namespaces \"nowhere\" not found", {"backup", "nowhere"});
    refused(1, "namespaces \"nowhere\" not found", {"backup", "nowhere", "--plan"});
    refused(1, "the server has no type 'secrt'", {"backup", "app", "--exclude", "secrt"});
    refused(2, "--exclude-labels replica has no value", {"backup", "app", "--exclude-labels", "a=b,replica"});
    refused(2, "--expires-in", {"backup", "app", "--expires-in", "soon"});
    refused(2, "expired already", {"backup", "app", "--expires-in", "-1h"});
    refused(2, "--plan excludes --detach", {"backup", "app", "--plan", "--detach"});

    refused(2, "what should be restored?", {"restore", "-n", "app"});
    refused(2, "--point-in-time noon is no time", {"restore", "p", "-n", "app", "--point-in-time", "noon"});
    refused(2, "--data-only excludes --volume-clones", {"restore", "p", "--volume-clones", "--data-only"});
    refused(2, "--overwrite excludes --data-only", {"restore", "p", "--overwrite", "--data-only"});
    refused(2, "restorepoint excludes --content", {"restore", "p", "--content", "c"});
    refused(1, "\"p\" not found", {"restore", "p", "-n", "app", "--into", "copy"});
    refused(1, "\"c\" not found", {"restore", "--content", "c", "--into", "copy"});
    world.create(
        "{apiVersion: fencepost.io/v1alpha1, kind: RestorePoint, metadata: {name: p, namespace: app}}");
    const std::string missing = (folder.path / "none.yaml").string();
    const std::string map = folder.write("map.yaml", "{a: b}\n");
    refused(1, "none.yaml", {"restore", "p", "-n", "app", "--into", "copy", "--transforms", missing.c_str()});
    refused(1, "map.yaml holds no list of transforms",
            {"restore", "p", "-n", "app", "--into", "copy", "--transforms", map.c_str()});
    refused(2, "what should be exported?", {"export", "--profile", "p"});
    refused(2, "--profile is required", {"export", "p"});
    refused(1, "\"none\" not found", {"export", "none", "--profile", "p"});
    refused(2, "what should be imported?", {"import", "--profile", "p"});
    refused(2, "restorepoint excludes --list", {"import", "x", "--profile", "p", "--list"});
    CHECK(!world.has_namespace("copy"));
    CHECK(fencepost_cli({"backup", "app", "--plan", "--server", "127.0.0.1:1"}).code == 4);
}
