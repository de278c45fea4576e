#include "protect/restore_point.h"
#include "tests/unit/protect/application.h"

namespace fencepost::protect {
namespace {

using Names = std::vector<std::string>;

constexpr const char* kHooks = R"(
  backupPrehook: {phases: [{name: fence, func: Step, args: {do: echo, text: '###Phase-output###: {"key":"lsn","value":"0/3000060"}'}}]}
  backupPosthook: {phases: [{name: unfence, func: Step, args: {do: ok}}]}
  restorePrehook: {phases: [{name: stop, func: Step, args: {do: ok}}]}
  restorePosthook: {phases: [{name: begin, func: Step, args: {do: ok}}]}
  before: {phases: [{name: before, func: Step, args: {do: ok}}]}
  after: {phases: [{name: after, func: Step, args: {do: ok}}]}
  rescue: {phases: [{name: rescue, func: Step, args: {do: ok}}]}
)";
constexpr const char* kActionHooks =
    "{hooks: {preHook: {blueprint: bp, actionName: before}, onSuccess: {blueprint: bp, actionName: after}, "
    "onFailure: {blueprint: bp, actionName: rescue}}}";

constexpr const char* kDump = R"(
  backup:
    outputArtifacts: {dump: {keyValue: {path: '{{ .Phases.dump.Output.path }}'}}}
    phases: [{name: dump, func: Step, args: {do: echo, text: '###Phase-output###: {"key":"path","value":"dumps/1"}'}}]
  restore:
    inputArtifactNames: [dump]
    phases: [{name: load, func: Step, args: {do: echo, text: '{{ .ArtifactsIn.dump.KeyValue.path }}'}}]
  delete:
    inputArtifactNames: [dump]
    phases: [{name: erase, func: Step, args: {do: echo, text: '{{ .ArtifactsIn.dump.KeyValue.path }} {{ .Namespace.Name }}'}}]
)";

}  // namespace

TEST_CASE("L-01 a backup goes through its hooks in order, and the fence goes at the point in time") {
    Application app(kHooks);
    app.back_up(kActionHooks);
    app.wait_for("the snapshot of the fenced volume",
                 [&] { return app.all(types::kVolumeSnapshots).size() == 1; });
    CHECK(app.world.script.calls() == Names{"before#1", "fence#1"});
    app.settle(false);
    // The copy is not ready to use, and the posthook has run.
    app.wait_for("the posthook",
                 [&] { return app.world.script.calls() == Names{"before#1", "fence#1", "unfence#1"}; });
    app.wait_for("the other volume", [&] { return app.all(types::kVolumeSnapshots).size() == 2; });
    app.settle(false);
    CHECK(app.all(types::kRestorePoints).empty());

    const Value ended = app.end_of(types::kBackupActions);
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(Application::steps(ended) ==
          Names{"preHook: complete", "discovery: complete", "backupPrehook of configmaps/database: complete",
                "snapshots of configmaps/database: complete",
                "backupPosthook of configmaps/database: complete", "snapshots of other volumes: complete",
                "copies ready to use: complete", "onSuccess: complete"});
    CHECK(app.world.script.calls() == Names{"before#1", "fence#1", "unfence#1", "after#1"});
    CHECK(ended.get("metadata", "finalizers").list_or_empty().empty());
    CHECK(ended.get("metadata", "annotations", "fencepost.io/record").is_nil());
    const Value& window = ended.get("status", "window").as_list().at(0);
    CHECK(window["fencedSeconds"].as_double() >= window["snapshotSeconds"].as_double());
    CHECK(window["snapshotSeconds"].as_double() > 0);

    const Value content =
        open_content(*app.world.world, parse_yaml_value("{name: backup-1, namespace: app}"));
    const Value& spec = content["spec"];
    CHECK(spec["volumes"].as_list().size() == 2);
    CHECK(spec["volumes"].as_list()[1]["handle"] == Value("handle-of-data"));
    const Value& resource = spec["resources"].as_list().at(0);
    CHECK(resource["evidence"].as_list().at(0).get("output", "lsn") == Value("0/3000060"));
    CHECK(resource["reason"].string_or("").find("annotation") != std::string::npos);
    CHECK(spec.get("blueprints", "bp", "actions", "backupPrehook").is_map());
    const List manifests = load_manifests(*app.world.world, spec["manifests"]);
    CHECK(manifests.size() == 4);
    for (const Value& manifest : manifests)  // E8
        CHECK(manifest.get("metadata", "annotations", "cnpg.io/fencedInstances").is_nil());
    // From now on a copy outlives the namespace.
    for (const Value& copy : app.all(types::kVolumeSnapshotContents))
        CHECK(copy.get("spec", "deletionPolicy") == Value("Retain"));
}

TEST_CASE("E1 a prehook that fails fails the backup: onFailure runs, nothing is left") {
    Application app(std::string(kHooks).replace(std::string(kHooks).find("do: echo"), 8, "do: fail"));
    app.back_up(kActionHooks);
    const Value ended = app.end_of(types::kBackupActions);
    CHECK(Application::state(ended) == "Failed");
    CHECK(Application::error(ended).find("backupPrehook of configmaps/database failed") != std::string::npos);
    const Names calls = app.world.script.calls();
    CHECK(std::count(calls.begin(), calls.end(), "rescue#1") == 1);
    CHECK(std::count(calls.begin(), calls.end(), "after#1") == 0);
    CHECK(app.all(types::kRestorePoints).empty());
    CHECK(app.all(types::kRestorePointContents).empty());
    CHECK(app.all(types::kVolumeSnapshots).empty());
    CHECK(app.all(types::kSecrets, "default").empty());  // no manifests
    CHECK(app.world.engine->obligations(false).empty());
}

TEST_CASE("E2 a snapshot that fails is followed by the posthook, and leaves no restore point") {
    Application app(kHooks);
    app.back_up();
    app.wait_for("the snapshot", [&] { return app.all(types::kVolumeSnapshots).size() == 1; });
    const Value snapshot = app.all(types::kVolumeSnapshots).front();
    app.world.cluster->remove({types::kVolumeSnapshots, "app", cluster::name_of(snapshot)});
    const Value ended = app.end_of(types::kBackupActions);
    CHECK(Application::state(ended) == "Failed");
    CHECK(Application::error(ended).find("was deleted by somebody else") != std::string::npos);
    CHECK(app.world.script.calls() == Names{"fence#1", "unfence#1"});
    CHECK(app.all(types::kRestorePoints).empty());
    CHECK(app.world.engine->obligations(false).empty());
}

TEST_CASE("A8 two objects of one database are dumped once, and have the same artifacts") {
    Application app(kDump);
    auto blueprint = app.world.cluster->get({types::kBlueprints, "default", "bp"});
    blueprint["actions"]["backup"]["sharedBy"] = "{{ .Object.data.a }}";
    app.world.cluster->replace(types::kBlueprints, blueprint, {});
    for (const char* more : {"the-same: one", "different: two"}) {
        const std::string name(more, std::string_view(more).find(':'));
        app.world.create(types::kConfigMaps, "metadata: {name: " + name +
                                                 ", namespace: app, annotations: "
                                                 "{kanister.kasten.io/blueprint: bp}}\ndata: {a:" +
                                                 std::string(more).substr(name.size() + 1) + "}");
    }
    app.back_up();
    const Value ended = app.end_of(types::kBackupActions);
    CHECK(Application::state(ended) == "Complete");
    CHECK(app.world.script.calls() == Names{"dump#1", "dump#1"});
    const Value content =
        open_content(*app.world.world, parse_yaml_value("{name: backup-1, namespace: app}"));
    for (const Value& resource : content.get("spec", "resources").as_list())
        CHECK(resource.get("artifacts", "dump", "keyValue", "path") == Value("dumps/1"));
}

TEST_CASE("a hook whose ActionSet somebody deletes fails the backup") {
    Application app(std::string(kHooks).replace(std::string(kHooks).find("do: echo"), 8, "do: wait"));
    app.back_up();
    app.world.wait_for_call("fence#1");
    const std::string child = cluster::name_of(app.all(types::kActionSets).front());
    app.world.cluster->remove({types::kActionSets, "default", child});
    const Value ended = app.end_of(types::kBackupActions);
    CHECK(Application::state(ended) == "Failed");
    CHECK(app.all(types::kRestorePoints).empty());
    app.wait_for("the undo", [&] { return app.world.engine->obligations(false).empty(); });
}

TEST_CASE("E3 a fence that the daemon lifted when it stopped makes no restore point") {
    std::string actions = kHooks;
    actions.insert(actions.find("[{name: fence,") + 1, "{name: first, func: Step, args: {do: fence}}, ");
    Application app(actions);
    app.back_up();
    app.wait_for("the snapshot", [&] { return app.all(types::kVolumeSnapshots).size() == 1; });
    app.restart();
    const Value ended = app.end_of(types::kBackupActions);
    CHECK(Application::state(ended) == "Failed");
    CHECK(Application::error(ended).find("was undone before the volumes could be copied") !=
          std::string::npos);
    CHECK(app.world.script.calls() == Names{"first#1", "fence#1", "unfence#1"});
    CHECK(app.all(types::kRestorePoints).empty());
    CHECK(app.all(types::kVolumeSnapshots).empty());
    CHECK(app.world.engine->obligations(false).empty());
}

TEST_CASE("E3 a prehook that holds while no daemon runs is gone on with") {
    Application app(kHooks);
    app.back_up();
    app.wait_for("the snapshot", [&] { return app.all(types::kVolumeSnapshots).size() == 1; });
    app.restart();
    CHECK(Application::state(app.end_of(types::kBackupActions)) == "Complete");
    CHECK(app.world.script.calls() == Names{"fence#1", "unfence#1"});
}

TEST_CASE("a daemon that stops between two steps is followed by one that goes on") {
    Application app(kHooks);
    app.back_up(kActionHooks);
    app.wait_for("the first snapshot", [&] { return app.all(types::kVolumeSnapshots).size() == 1; });
    app.settle(true);
    app.wait_for("the second snapshot", [&] { return app.all(types::kVolumeSnapshots).size() == 2; });
    const auto progress = [&] {
        return app.all(types::kBackupActions).at(0).get("status", "progress").int_or(0);
    };
    app.wait_for("two parts of three", [&] { return progress() == 66; });
    app.restart();
    CHECK(progress() >= 66);
    const Value ended = app.end_of(types::kBackupActions);
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(progress() == 100);
    CHECK(app.world.script.calls() == Names{"before#1", "fence#1", "unfence#1", "after#1"});
    CHECK(app.all(types::kRestorePoints).size() == 1);
}

TEST_CASE("Events tell of an action that it has started, and how it has ended") {
    Application app(kHooks);
    const auto told = [&](const Value& action, const Names& events) {
        app.wait_for("the Events", [&] { return app.events(action).size() >= events.size(); });
        CHECK(app.events(action) == events);
    };
    const Value backup = app.back_up();
    app.wait_for("the snapshot", [&] { return app.all(types::kVolumeSnapshots).size() == 1; });
    app.restart();
    REQUIRE(Application::state(app.end_of(types::kBackupActions)) == "Complete");
    told(backup, {"Normal Complete: the restore point is app/backup-1", "Normal Started: it runs"});
    for (const Value& event : app.all(types::kEvents, "app")) {
        CHECK(event.get("involvedObject", "kind") == Value("BackupAction"));
        CHECK(event.get("source", "component") == Value("fencepost"));
    }

    const Value failed = app.restore("{subject: {name: nothing, namespace: app}}");
    const std::string error = Application::error(app.end_of(types::kRestoreActions, "app", "restore-1"));
    told(failed, {"Normal Started: it runs", "Warning Failed: " + error});
    CHECK(!error.empty());

    const Value cancelled = app.back_up("{cancel: true}", "backup-2");
    told(cancelled, {"Normal Started: it runs", "Warning Cancelled: it was cancelled"});

    const Value unreadable = app.world.create(
        types::kBackupActions,
        "metadata: {name: torn, namespace: app, annotations: {fencepost.io/record: '{torn'}}\nspec: {}");
    app.wait_for("its end", [&] { return app.events(unreadable).size() == 2; });
    CHECK(app.events(unreadable)[1].find("Warning Failed: ") == 0);
}

TEST_CASE("a restore tells how far it is, also after another daemon has taken it on") {
    Application app(R"(
  restorePrehook: {phases: [{name: stop, func: Step, args: {do: ok}}]}
  restorePosthook: {phases: [{name: begin, func: Step, args: {do: wait}}]}
)");
    app.back_up();
    REQUIRE(Application::state(app.end_of(types::kBackupActions)) == "Complete");
    app.restore("{subject: {name: backup-1, namespace: app}, overwriteExisting: true}");
    const auto progress = [&] {
        return app.all(types::kRestoreActions).at(0).get("status", "progress").int_or(0);
    };
    app.wait_for("the hook, two volumes, and the objects", [&] { return progress() == 57; });
    app.restart();
    CHECK(progress() == 57);
    app.settle(true);
    app.wait_for("all but the last hook", [&] { return progress() == 71; });
    app.world.script.open();
    const Value ended = app.end_of(types::kRestoreActions, "app", "restore-1");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(progress() == 100);
}

TEST_CASE("a backup that is cancelled unfences and leaves nothing") {
    Application app(kHooks);
    app.back_up(kActionHooks);
    app.wait_for("the snapshot", [&] { return app.all(types::kVolumeSnapshots).size() == 1; });
    app.world.create(
        types::kCancelActions,
        "metadata: {name: stop, namespace: app}\nspec: {subject: {kind: BackupAction, name: backup-1}}");
    const Value ended = app.end_of(types::kBackupActions);
    CHECK(Application::state(ended) == "Cancelled");
    CHECK(app.world.script.calls() == Names{"before#1", "fence#1", "unfence#1", "rescue#1"});
    CHECK(app.all(types::kVolumeSnapshots).empty());
    CHECK(app.all(types::kRestorePoints).empty());
    app.wait_for("the CancelAction's end", [&] { return app.all(types::kCancelActions).empty(); });
}

TEST_CASE("backups of one application wait for each other") {
    Application app(kHooks);
    app.back_up();
    app.wait_for("the snapshot", [&] { return app.all(types::kVolumeSnapshots).size() == 1; });
    app.back_up("{}", "backup-2");
    app.settle(false);
    app.wait_for("the posthook", [&] { return app.world.script.calls().size() == 2; });
    CHECK(Application::state(*app.find(types::kBackupActions, "app", "backup-2")).empty());
    CHECK(Application::state(app.end_of(types::kBackupActions)) == "Complete");
    CHECK(Application::state(app.end_of(types::kBackupActions, "app", "backup-2")) == "Complete");
    CHECK(app.all(types::kRestorePoints).size() == 2);
}

TEST_CASE(
    "a backup with `backup` copies no volumes of the resource, keeps its artifacts, and `delete` ends them") {
    Application app(kDump);
    app.back_up();
    Value ended = app.end_of(types::kBackupActions);
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    REQUIRE(app.all(types::kVolumeSnapshots).size() == 1);  // of what nothing governs
    const Value content = app.all(types::kRestorePointContents).front();
    CHECK(content.get("spec", "resources").as_list()[0].get("artifacts", "dump", "keyValue", "path") ==
          Value("dumps/1"));

    // Nothing but the content goes: the RestorePoint is a name for it.
    app.world.cluster->remove({types::kRestorePoints, "app", "backup-1"});
    app.wait_for("the content's being unbound", [&] {
        return app.all(types::kRestorePointContents).front().get("status", "state") == Value("Unbound");
    });
    app.world.cluster->remove({types::kRestorePointContents, "", cluster::name_of(content)});
    app.wait_for("the content's end", [&] { return app.all(types::kRestorePointContents).empty(); });
    CHECK(app.world.script.calls() == Names{"dump#1", "erase#1"});
    CHECK(app.all(types::kVolumeSnapshots).empty());
    for (const Value& secret : app.all(types::kSecrets, "default"))
        CHECK(cluster::name_of(secret) == "fencepost-signing-key");
}

TEST_CASE("a restore point that somebody has changed is refused") {
    Application app(kDump);
    app.back_up();
    CHECK(Application::state(app.end_of(types::kBackupActions)) == "Complete");
    const Value content = app.all(types::kRestorePointContents).front();
    const cluster::ObjectKey key{types::kRestorePointContents, "", cluster::name_of(content)};
    SECTION("its content") {
        app.world.cluster->patch(key, cluster::PatchType::kMerge,
                                 parse_yaml_value("{spec: {application: {namespace: other}}}"));
    }
    SECTION("its manifests") {
        const std::string name = content.get("spec", "manifests", "secrets").as_list()[0].as_string();
        const Value other = store_manifests(*app.world.world, "other", {Value(Map{{"kind", "Secret"}})});
        const Value there = *app.find(types::kSecrets, "default", other["secrets"].as_list()[0].as_string());
        Value patch;
        patch["data"] = there["data"];
        app.world.cluster->patch({types::kSecrets, "default", name}, cluster::PatchType::kMerge, patch);
    }
    app.restore("{subject: {kind: RestorePoint, name: backup-1, namespace: app}}");
    const Value ended = app.end_of(types::kRestoreActions, "app", "restore-1");
    CHECK(Application::state(ended) == "Failed");
    CAPTURE(Application::error(ended));
    CHECK((Application::error(ended).find("somebody has changed") != std::string::npos));
}

TEST_CASE("a namespace that is gone comes back from its restore point") {
    Application app(kHooks);
    app.back_up();
    CHECK(Application::state(app.end_of(types::kBackupActions)) == "Complete");
    for (const char* name : {"data", "files"})
        app.world.cluster->remove({types::kPersistentVolumeClaims, "app", name});
    app.world.cluster->remove({types::kSecrets, "app", "password"});
    app.world.cluster->remove({types::kConfigMaps, "app", "database"});
    app.wait_for("the claims' end", [&] { return app.all(types::kPersistentVolumeClaims).empty(); });

    app.restore("{subject: {kind: RestorePoint, name: backup-1, namespace: app}}");
    const Value ended = app.end_of(types::kRestoreActions, "app", "restore-1");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    Names steps = Application::steps(ended);
    std::erase(steps, "workloads ready: complete");  // there where they had to be waited for
    CHECK(steps == Names{"restorePrehook of configmaps/database: skipped", "objects: complete",
                         "restorePosthook of configmaps/database: complete"});
    CHECK(app.find(types::kSecrets, "app", "password")->get("data", "p") == Value("czNjcmV0"));
    const Value claim = *app.find(types::kPersistentVolumeClaims, "app", "data");
    const Value& source = claim.get("spec", "dataSource");
    CHECK(source["kind"] == Value("VolumeSnapshot"));
    CHECK(claim.get("metadata", "ownerReferences").as_list().at(0)["uid"] ==
          Value(cluster::uid_of(*app.find(types::kConfigMaps, "app", "database"))));
    // What was offered for the restore is gone again; what the restore point keeps is not.
    CHECK(!app.find(types::kVolumeSnapshots, "app", source["name"].as_string()));
    CHECK(app.all(types::kVolumeSnapshotContents).size() == 2);
}

TEST_CASE("a restore into another namespace changes objects on their way, and calls `restore` there") {
    Application app(kDump);
    app.back_up();
    CHECK(Application::state(app.end_of(types::kBackupActions)) == "Complete");
    app.ns("tenant");
    app.restore(R"(
      subject: {kind: RestorePoint, name: backup-1, namespace: app}
      filters: {excludeResources: [{resource: secrets}]}
      transforms:
      - subject: {resource: persistentvolumeclaims}
        json: [{op: add, path: /spec/storageClassName, value: fast}, {op: test, path: /metadata/name, value: data}, {op: add, path: /metadata/labels, value: {is: data}}]
)",
                "tenant");
    const Value ended = app.end_of(types::kRestoreActions, "tenant", "restore-1");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(app.world.script.calls() == Names{"dump#1", "load#1"});
    CHECK(!app.find(types::kSecrets, "tenant", "password"));
    const Value data = *app.find(types::kPersistentVolumeClaims, "tenant", "data");
    CHECK(data.get("spec", "storageClassName") == Value("fast"));
    CHECK(data.get("spec", "dataSource").is_nil());  // dumped: an empty volume
    CHECK(data.get("metadata", "labels", "is") == Value("data"));
    const Value files = *app.find(types::kPersistentVolumeClaims, "tenant", "files");
    CHECK(files.get("metadata", "labels") == parse_yaml_value("{a: b}"));
    CHECK(!files.get("spec", "dataSource").is_nil());
}

TEST_CASE("a copy beside the live application does not write over its database") {
    Application app(kDump);
    app.world.cluster->patch(
        {types::kSecrets, "app", "password"}, cluster::PatchType::kMerge,
        parse_yaml_value("{metadata: {annotations: {kanister.kasten.io/blueprint: bp}}}"));
    app.back_up();
    CHECK(Application::state(app.end_of(types::kBackupActions)) == "Complete");
    app.ns("copy");
    const std::string subject = "subject: {kind: RestorePoint, name: backup-1, namespace: app}";
    app.restore("{" + subject + "}", "copy");
    const Value refused = app.end_of(types::kRestoreActions, "copy", "restore-1");
    CHECK(Application::state(refused) == "Failed");
    CHECK(Application::error(refused).find("secrets/password leads to the database that the application in "
                                           "namespace app uses") != std::string::npos);
    CHECK(app.all(types::kSecrets, "copy").empty());
    CHECK(app.world.script.calls() == Names{"dump#1", "dump#1"});

    app.restore(
        "{" + subject +
            ", transforms: [{subject: {resource: secrets}, json: [{op: replace, path: /data/p, value: "
            "b3RoZXI=}]}]}",
        "copy", "restore-2");
    CHECK(Application::state(app.end_of(types::kRestoreActions, "copy", "restore-2")) == "Complete");
    app.ns("over");
    app.restore("{" + subject + ", overwriteExisting: true}", "over");
    CHECK(Application::state(app.end_of(types::kRestoreActions, "over", "restore-1")) == "Complete");
}

TEST_CASE("a claim that is in the way is overwritten only where that is asked for") {
    Application app(kHooks);
    app.back_up();
    CHECK(Application::state(app.end_of(types::kBackupActions)) == "Complete");
    const std::string subject = "subject: {kind: RestorePoint, name: backup-1, namespace: app}";
    const std::string uid = cluster::uid_of(*app.find(types::kPersistentVolumeClaims, "app", "data"));
    app.restore("{" + subject + "}");
    const Value refused = app.end_of(types::kRestoreActions, "app", "restore-1");
    CHECK(Application::state(refused) == "Failed");
    CHECK(Application::error(refused).find("is there already") != std::string::npos);
    CHECK(cluster::uid_of(*app.find(types::kPersistentVolumeClaims, "app", "data")) == uid);
    CHECK(app.world.script.calls() == Names{"fence#1", "unfence#1"});

    app.restore("{" + subject + ", overwriteExisting: true}", "app", "restore-2");
    const Value ended = app.end_of(types::kRestoreActions, "app", "restore-2");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(cluster::uid_of(*app.find(types::kPersistentVolumeClaims, "app", "data")) != uid);
    CHECK(app.world.script.calls() == Names{"fence#1", "unfence#1", "stop#1", "begin#1"});
    CHECK(ended.get("status", "objects", "replaced") == Value(4));
}

TEST_CASE("a blueprint that has changed since is used as it was") {
    Application app(kDump);
    app.back_up();
    CHECK(Application::state(app.end_of(types::kBackupActions)) == "Complete");
    app.world.cluster->patch({types::kBlueprints, "default", "bp"}, cluster::PatchType::kMerge,
                             parse_yaml_value("{actions: {restore: {inputArtifactNames: [], phases: [{name: "
                                              "other, func: Step, args: {do: ok}}]}}}"));
    app.ns("then");
    app.ns("now");
    const std::string subject = "subject: {kind: RestorePoint, name: backup-1, namespace: app}";
    app.restore("{" + subject + "}", "then");
    CHECK(Application::state(app.end_of(types::kRestoreActions, "then", "restore-1")) == "Complete");
    app.restore("{" + subject + ", blueprintSource: live}", "now");
    CHECK(Application::state(app.end_of(types::kRestoreActions, "now", "restore-1")) == "Complete");
    CHECK(app.world.script.calls() == Names{"dump#1", "load#1", "other#1"});
}

}  // namespace fencepost::protect
