#include <filesystem>
#include <fstream>

#include "base/encodings.h"
#include "location/repository.h"
#include "protect/exports.h"
#include "protect/restore_point.h"
#include "tests/unit/protect/installation.h"

namespace fencepost::protect {
namespace {

Value check_of(const Value& action, const std::string& check, const std::string& name) {
    for (const Value& one : action.get("status", "readiness", "checks").list_or_empty()) {
        if (one["check"] == Value(check) && one["name"] == Value(name)) return one;
    }
    return {};
}

}  // namespace

TEST_CASE("an exported restore point needs nothing of the one that it was made of") {
    Store store;
    Installation here(store);
    here.back_up_well();
    const Value ended = here.export_point();
    CAPTURE(to_json(ended["status"]));
    REQUIRE(Application::state(ended) == "Complete");
    CHECK(Application::steps(ended) == Names{"copy of persistentvolumeclaims/files: complete",
                                             "objects: complete", "restore point: complete"});
    CHECK(ended.get("status", "volumes").as_list().at(0)["files"] == Value(1));
    CHECK(here.temporaries() == 0);
    CHECK(store.files("points").size() == 1);
    CHECK(store.snapshots() == 3);  // the volume, the manifests, the content

    const Value content = here.exported();
    CHECK(content.get("metadata", "labels", "fencepost.io/export-profile") == Value("store"));
    CHECK(content.get("spec", "artifactLocation", "type") == Value("filestore"));
    const Value point = *here.find(types::kRestorePoints, "app", "export-1");
    CHECK(point.get("status", "location") == content.get("spec", "export", "location"));
    // What can be read without the key tells no secret.
    CHECK(text_of(store.files("points").front()).find("czNjcmV0") == std::string::npos);

    const std::string local = content.get("spec", "export", "of").as_string();
    here.world.cluster->remove({types::kRestorePointContents, "", local});
    here.wait_for("the local one's end", [&] { return here.all(types::kRestorePointContents).size() == 1; });
    CHECK(here.world.script.calls() == Names{"dump#1"});  // the dump is the export's too
    here.world.create(types::kSecrets, "metadata: {name: admin, namespace: default}");
    here.ns("copy");
    here.restore("{subject: {kind: RestorePoint, name: export-1, namespace: app}}", "copy");
    const Value restored = here.end_of(types::kRestoreActions, "copy", "restore-1");
    CAPTURE(to_json(restored["status"]));
    CHECK(Application::state(restored) == "Complete");
    CHECK(text_of(store.restored() / "file") == "what is in the volume");
    CHECK(here.find(types::kPersistentVolumeClaims, "copy", "files")->get("spec", "dataSource").is_nil());
    CHECK(here.find(types::kSecrets, "copy", "password")->get("data", "p") == Value("czNjcmV0"));
    CHECK(here.world.script.calls() == Names{"dump#1", "load#1"});

    // The last one of the backup takes along what its blueprint has dumped.
    here.world.cluster->remove({types::kRestorePointContents, "", cluster::name_of(content)});
    here.wait_for("the export's end", [&] { return here.all(types::kRestorePointContents).empty(); });
    CHECK(here.world.script.calls() == Names{"dump#1", "load#1", "erase#1"});
    CHECK(store.files("points").empty());
    CHECK(store.snapshots() == 0);
    CHECK(store.files("repository/data").empty());
}

TEST_CASE("data alone from a location: what it could not fill stays at rest until it could") {
    Store store;
    Installation here(store, "  other: {phases: []}\n");
    here.world.create(types::kDeployments, R"(
metadata: {name: web, namespace: app}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: web:1}]
      volumes: [{name: files, persistentVolumeClaim: {claimName: files}}]
)");
    here.back_up_well();
    REQUIRE(Application::state(here.export_point()) == "Complete");
    const std::string spec =
        "{subject: {kind: RestorePoint, name: export-1, namespace: app}, dataOnly: true, "
        "skipWaitForWorkloadReady: true}";
    const auto deployment = [&] { return *here.find(types::kDeployments, "app", "web"); };
    store.fill_fails = true;
    here.restore(spec);
    const Value failed = here.end_of(types::kRestoreActions, "app", "restore-1");
    CHECK_THAT(Application::error(failed), Catch::Contains("the Pod has gone"));
    CHECK_THAT(to_json(failed.get("status", "exceptions")),
               Catch::Contains("deployments/web stays scaled down"));
    CHECK(deployment().get("spec", "replicas") == Value(0));

    store.fill_fails = false;
    here.restore(spec, "app", "restore-2");
    const Value ended = here.end_of(types::kRestoreActions, "app", "restore-2");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(text_of(store.restored() / "file") == "what is in the volume");
    CHECK(deployment().get("spec", "replicas") == Value(3));
}

TEST_CASE("F10 another installation imports from the location alone, is told what it lacks, and restores") {
    Store store;
    std::string signer;
    {
        Installation there(store);
        there.back_up_well();
        REQUIRE(Application::state(there.export_point()) == "Complete");
    }
    store.move("by another address");
    Installation here(store, "  other: {phases: []}\n");
    const Value listed = here.import_point(", list: true", "list-1");
    const Value& there = listed.get("status", "available").as_list().at(0);
    CHECK(there["restorePoint"] == Value("export-1"));
    CHECK(there["volumes"] == Value(1));
    CHECK(there["error"].is_nil());
    signer = there["signedBy"].as_string();
    CHECK(here.all(types::kRestorePointContents).empty());

    const Value imported = here.import_point(", restorePoint: export-1, trustedKey: '" + signer + "'");
    CAPTURE(to_json(imported["status"]));
    REQUIRE(Application::state(imported) == "Complete");
    CHECK(imported.get("status", "signedBy") == Value(signer));
    // L-19
    CHECK(!imported.get("status", "readiness", "ready").as_bool());
    CHECK(check_of(imported, "secret", "default/admin")["state"] == Value("Missing"));
    CHECK(check_of(imported, "secret", "app/password")["state"] == Value("Ready"));
    CHECK(check_of(imported, "blueprint", "bp")["message"] ==
          Value("the one that is kept with the restore point is used"));
    CHECK(check_of(imported, "profile", "store")["state"] == Value("Ready"));
    CHECK(check_of(imported, "volume", "files")["state"] == Value("Ready"));
    CHECK(check_of(imported, "kind", "PersistentVolumeClaim of v1")["state"] == Value("Ready"));
    here.world.create(types::kSecrets, "metadata: {name: admin, namespace: default}");
    const Value again = here.import_point(", restorePoint: export-1", "import-2");
    CAPTURE(to_json(again["status"]));
    CHECK(again.get("status", "readiness", "ready").as_bool());
    CHECK(here.all(types::kRestorePointContents).size() == 1);

    here.ns("copy");
    here.restore("{subject: {kind: RestorePoint, name: export-1, namespace: app}}", "copy");
    const Value restored = here.end_of(types::kRestoreActions, "copy", "restore-1");
    CAPTURE(to_json(restored["status"]));
    CHECK(Application::state(restored) == "Complete");
    CHECK(text_of(store.restored() / "file") == "what is in the volume");
    CHECK(here.world.script.calls() == Names{"load#1"});

    // What another installation has exported is not this one's to delete.
    here.world.cluster->remove({types::kRestorePointContents, "", cluster::name_of(here.exported())});
    here.wait_for("the import's end", [&] { return here.all(types::kRestorePointContents).empty(); });
    CHECK(store.files("points").size() == 1);
    CHECK(store.snapshots() == 3);
    CHECK(here.world.script.calls() == Names{"load#1"});
}

TEST_CASE("an export that somebody has changed, or somebody else has signed, is not imported") {
    Store store;
    {
        Installation there(store);
        there.back_up_well();
        REQUIRE(Application::state(there.export_point()) == "Complete");
    }
    Installation here(store);
    const std::string file = store.files("points").front();
    const auto rewrite = [&](const std::function<void(Value & index)>& change) {
        Value index = parse_json(text_of(file));
        change(index);
        std::ofstream(file) << to_json(index);
    };
    std::string wanted = "somebody has changed it", more = ", latest: true";
    SECTION("another time") {
        rewrite([](Value& index) { index["actionTime"] = "2030-01-01T00:00:00Z"; });
    }
    SECTION("no signature") {
        rewrite([](Value& index) { index.erase("signature"); });
    }
    SECTION("a signature of another key: the content is still the old one's") {
        rewrite([&](Value& index) {
            index.erase("format");
            index = signed_here(*here.world.world, index);
            index["format"] = "fencepost.io/restore-point/1";
        });
        wanted = "do not belong together";
    }
    SECTION("another key than the trusted one") {
        more += ", trustedKey: 'SHA256:00'";
        wanted = "not by SHA256:00";
    }
    SECTION("no JSON") {
        std::ofstream(file) << "{";
        wanted = "there is no restore point";
    }
    const Value ended = here.import_point(more);
    CAPTURE(Application::error(ended));
    CHECK(Application::state(ended) == "Failed");
    CHECK((Application::error(ended).find(wanted) != std::string::npos));
    CHECK(here.all(types::kRestorePointContents).empty());
    CHECK(here.all(types::kRestorePoints).empty());
}

TEST_CASE("an export that fails leaves nothing, here and there") {
    Store store;
    Installation here(store);
    here.back_up_well();
    store.fails = true;
    const Value ended = here.export_point();
    CHECK(Application::state(ended) == "Failed");
    CHECK(Application::error(ended).find("copy of persistentvolumeclaims/files failed") == 0);
    CAPTURE(to_json(ended["status"]));
    CHECK(ended.get("status", "exceptions").is_nil());
    CHECK(here.temporaries() == 0);
    CHECK(store.files("points").empty());
    CHECK(store.snapshots() == 0);
    CHECK(here.all(types::kRestorePoints).size() == 1);

    store.fails = false;
    CHECK(Application::state(here.export_point(kExport, "export-2")) == "Complete");
}

TEST_CASE("an export that is cancelled leaves nothing, and a backup does not wait for one") {
    Store store;
    Installation here(store);
    here.back_up_well();
    store.waits = true;
    here.world.create(types::kExportActions,
                      std::string("metadata: {name: export-1, namespace: app}\nspec: ") + kExport);
    here.wait_for("the copy", [&] { return store.snapshots() == 1; });
    here.back_up("{profile: {name: store}}", "backup-2");
    CHECK(Application::state(here.end_of(types::kBackupActions, "app", "backup-2")) == "Complete");
    here.world.create(
        types::kCancelActions,
        "metadata: {name: stop, namespace: app}\nspec: {subject: {kind: ExportAction, name: export-1}}");
    const Value ended = here.end_of(types::kExportActions, "app", "export-1");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Cancelled");
    CHECK(here.temporaries() == 0);
    CHECK(store.snapshots() == 0);
    CHECK(store.files("points").empty());
}

TEST_CASE("an export whose profile is gone is not forgotten: it goes once there is a way to it") {
    Store store;
    Installation here(store);
    here.back_up_well();
    REQUIRE(Application::state(here.export_point()) == "Complete");
    const std::string name = cluster::name_of(here.exported());
    const cluster::ObjectKey profile{types::kProfiles, "default", "store"};
    here.world.cluster->remove(profile);
    here.world.cluster->remove({types::kRestorePointContents, "", name});
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    CHECK(here.find(types::kRestorePointContents, "", name));
    here.profile("store", ", repositoryKey: {name: key, namespace: default}");
    here.wait_for("the export's end", [&] { return !here.find(types::kRestorePointContents, "", name); });
    CHECK(store.snapshots() == 0);
}

TEST_CASE("a store that is not mounted says nothing of the exports that lie there") {
    Store store;
    Installation here(store);
    here.back_up_well();
    REQUIRE(Application::state(here.export_point()) == "Complete");
    const std::string name = cluster::name_of(here.exported());
    const fs::path mounted = store.root / "mounted";
    fs::rename(store.store(), mounted);
    fs::create_directory(store.store());  // the mount point

    here.world.create(types::kValidateActions,
                      "metadata: {name: v-1, namespace: app}\nspec: {subject: {kind: RestorePoint, name: "
                      "export-1, namespace: app}}");
    CHECK_THAT(Application::error(here.end_of(types::kValidateActions, "app", "v-1")),
               Catch::Contains("is what should be there mounted?"));
    CHECK(here.exported().get("status", "verification").is_nil());

    here.world.cluster->remove({types::kRestorePointContents, "", name});
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    CHECK(here.find(types::kRestorePointContents, "", name));
    fs::remove_all(store.store());
    fs::rename(mounted, store.store());
    here.wait_for("the export's end", [&] { return !here.find(types::kRestorePointContents, "", name); });
    CHECK(store.snapshots() == 0);
}

TEST_CASE("a daemon that stops in an export is followed by one that goes on") {
    Store store;
    Installation here(store);
    here.back_up_well();
    here.world.create(types::kExportActions,
                      std::string("metadata: {name: export-1, namespace: app}\nspec: ") + kExport);
    SECTION("before its copy can be used") {
        here.wait_for("the offer",
                      [&] { return here.all(types::kPersistentVolumeClaims, "default").size() == 1; });
    }
    SECTION("as its index is written") {
        here.wait_for("the index", [&] { return store.files("points").size() == 1; });
    }
    std::size_t points = 2;
    SECTION("as the restore point that it is of is deleted, once its own stands") {
        here.wait_for("the content", [&] { return here.exported().is_map(); });
        here.protector.reset();
        here.world.cluster->patch({types::kExportActions, "app", "export-1"}, cluster::PatchType::kMerge,
                                  parse_yaml_value("{status: {state: "
                                                   "Running, restorePoint: null, endTime: null}}"));
        here.world.cluster->remove({types::kRestorePoints, "app", "backup-1"});
        points = 1;
    }
    here.restart();
    const Value ended = here.end_of(types::kExportActions, "app", "export-1");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(here.temporaries() == 0);
    CHECK(store.files("points").size() == 1);
    CHECK(store.snapshots() == 3);
    CHECK(here.all(types::kRestorePoints).size() == points);
}

TEST_CASE("an export that cannot be is refused before anything is copied") {
    Store store;
    Installation here(store);
    here.profile("open");
    here.back_up_well();
    const auto refused = [&](const std::string& spec, const std::string& name, const std::string& why) {
        const Value ended = here.export_point(spec, name);
        CAPTURE(Application::error(ended), why);
        CHECK(Application::state(ended) == "Failed");
        CHECK((Application::error(ended).find(why) != std::string::npos));
    };
    const std::string subject = "{subject: {kind: RestorePoint, name: backup-1, namespace: app}";
    refused(subject + ", profile: {name: open}}", "e-1", "has no repositoryKey");
    refused(subject + ", profile: {name: nobodys}}", "e-2", "nobodys");
    refused(subject + "}", "e-3", "spec.profile names no Profile");
    refused("{subject: {name: none, namespace: app}, profile: {name: store}}", "e-4", "none");
    refused(kExport, "backup-1", "there is a RestorePoint app/backup-1 already");
    CHECK(store.copies == 0);
    CHECK(store.files("").empty());
    REQUIRE(Application::state(here.export_point()) == "Complete");
    refused("{subject: {name: export-1, namespace: app}, profile: {name: store}}", "e-5",
            "is an export itself");
}

TEST_CASE("a policy exports its backups, as often as it says, and keeps them for as long as it says") {
    Store store;
    Installation here(store);
    here.protector.reset();
    here.world.create(types::kPolicies, R"(
metadata: {name: daily, namespace: default}
spec:
  frequency: '@hourly'
  retention: {hourly: 1}
  selector: {matchExpressions: [{key: k10.kasten.io/appNamespace, operator: In, values: [app]}]}
  actions:
  - {action: backup, backupParameters: {profile: {name: store}}}
  - {action: export, exportParameters: {frequency: '@daily', profile: {name: store}, retention: {daily: 2}}}
)");
    here.start();
    const auto run = [&](const std::string& name, const std::string& time) {
        here.world.create(types::kRunActions,
                          "metadata: {name: " + name +
                              ", namespace: default}\nspec: {subject: {kind: Policy, name: daily, "
                              "namespace: default}, scheduledTime: '" +
                              time + "'}");
        const Value ended = here.end_of(types::kRunActions, "default", name);
        CAPTURE(to_json(ended["status"]));
        CHECK(Application::state(ended) == "Complete");
        return Application::steps(ended);
    };
    CHECK(run("r1", "2026-01-01T00:00:00Z") ==
          Names{"backup of app: complete", "export of app to store: complete"});
    CHECK(run("r2", "2026-01-01T01:00:00Z") ==
          Names{"backup of app: complete", "export of app to store: skipped"});
    run("r3", "2026-01-02T00:00:00Z");
    run("r4", "2026-01-03T00:00:00Z");
    here.wait_for("the retirement", [&] {
        Names names;
        for (const Value& point : here.all(types::kRestorePoints)) names.push_back(cluster::name_of(point));
        return names == Names{"r3-export-1", "r4", "r4-export-1"};
    });
    CHECK(store.files("points").size() == 2);
}

}  // namespace fencepost::protect
