// A policy that imports what another installation has exported, and restores it.
#include "tests/unit/protect/installation.h"

namespace fencepost::protect {
namespace {

// Exports of the namespace `app`, by another installation, of these times.
void export_all(Store& store, const std::vector<std::string>& times) {
    Installation there(store);
    for (std::size_t i = 0; i < times.size(); ++i) {
        const std::string number = std::to_string(i + 1) + times[i].substr(8, 2);
        there.back_up("{profile: {name: store}, scheduledTime: '" + times[i] + "'}", "backup-" + number);
        REQUIRE(Application::state(there.end_of(types::kBackupActions, "app", "backup-" + number)) ==
                "Complete");
        const Value ended = there.export_point(
            "{subject: {kind: RestorePoint, name: backup-" + number +
                ", namespace: app}, profile: {name: store}, scheduledTime: '" + times[i] + "'}",
            "export-" + number);
        CAPTURE(to_json(ended["status"]));
        REQUIRE(Application::state(ended) == "Complete");
    }
}

// Follows the other one into the namespace `copy`.
struct Standby : Installation {
    explicit Standby(Store& the_store, const std::string& restore = "{targetNamespace: copy}",
                     const std::string& more = "", const std::string& imports = "")
        : Installation(the_store, "  other: {phases: []}\n") {
        protector.reset();
        world.create(types::kSecrets, "metadata: {name: admin, namespace: default}");
        world.create(types::kPolicies,
                     "metadata: {name: follow, namespace: default}\nspec: {frequency: '@hourly', " + more +
                         "actions: [{action: import, importParameters: {profile: {name: store}" + imports +
                         "}}" +
                         (restore.empty() ? "" : ", {action: restore, restoreParameters: " + restore + "}") +
                         "]}\nstatus: {lastScheduledTime: '2099-01-01T00:00:00Z'}");
        start();
    }
    void begin(const std::string& name) {
        world.create(types::kRunActions, "metadata: {name: " + name +
                                             ", namespace: default}\nspec: {subject: {kind: Policy, name: "
                                             "follow}, scheduledTime: '2026-02-01T00:00:00Z'}");
    }
    Value run(const std::string& name) {
        begin(name);
        return end_of(types::kRunActions, "default", name);
    }
    // What is imported, by when it was due.
    Names imported() {
        Names times;
        for (const Value& content : all(types::kRestorePointContents)) {
            if (content.get("metadata", "deletionTimestamp").is_nil())
                times.push_back(content.get("spec", "scheduledTime").string_or("").substr(0, 10));
        }
        std::sort(times.begin(), times.end());
        return times;
    }
    std::size_t restores() { return all(types::kRestoreActions).size(); }
};

}  // namespace

TEST_CASE("a standby imports what is new, and restores the newest once") {
    Store store;
    export_all(store, {"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"});
    Standby here(store);
    const Value first = here.run("r1");
    CAPTURE(to_json(first["status"]));
    REQUIRE(Application::state(first) == "Complete");
    CHECK(here.imported() == Names{"2026-01-01", "2026-01-02"});
    const Names steps = Application::steps(first);
    REQUIRE(steps.size() == 4);
    CHECK(steps[0] == "what is there: complete");
    CHECK(steps[1].find("import of app-export-202-") == 0);  // the newest first
    CHECK(steps[2].find("import of app-export-101-") == 0);
    CHECK(steps[3].find("restore of app from app-export-202-") == 0);
    CHECK(text_of(store.restored() / "file") == "what is in the volume");
    CHECK(here.find(types::kSecrets, "copy", "password"));
    const Value restored = here.find(types::kPolicies, "default", "follow")->get("status", "restored", "app");
    CHECK(restored["restorePointContent"].string_or("").find("app-export-202-") == 0);
    CHECK(restored.get("restoreAction", "namespace") == Value("copy"));
    for (const Value& action : here.all(types::kImportActions))
        CHECK(action.get("status", "readiness", "ready") == Value(true));

    const Value second = here.run("r2");
    CHECK(Application::state(second) == "Complete");
    CHECK(Application::steps(second) == Names{"what is there: complete"});
    CHECK(here.restores() == 1);

    // What was deleted here by hand comes again, and is not restored again.
    for (const Value& content : here.all(types::kRestorePointContents))
        here.world.cluster->remove({types::kRestorePointContents, "", cluster::name_of(content)});
    here.wait_for("their end", [&] { return here.all(types::kRestorePointContents).empty(); });
    CHECK(Application::state(here.run("r3")) == "Complete");
    CHECK(here.imported().size() == 2);
    CHECK(here.restores() == 1);
}

TEST_CASE("a standby keeps what its retention says, and what has gone does not come back") {
    Store store;
    export_all(store, {"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"});
    const std::size_t files = store.snapshots();
    {
        Standby here(store, "", "retention: {daily: 2}, ");
        CHECK(Application::state(here.run("r1")) == "Complete");
        CHECK(here.imported() == Names{"2026-01-02", "2026-01-03"});
        Value policy = *here.find(types::kPolicies, "default", "follow");
        policy["spec"]["retention"] = Map{{"daily", std::int64_t{1}}};
        here.world.cluster->replace(types::kPolicies, policy);
        export_all(store, {"2026-01-04T00:00:00Z"});
        CHECK(Application::state(here.run("r2")) == "Complete");
        here.wait_for("the retirement", [&] { return here.imported() == Names{"2026-01-04"}; });
        CHECK(Application::steps(here.run("r3")) == Names{"what is there: complete"});
    }
    // The exporting installation's data is its own.
    CHECK(store.snapshots() == files + 3);
    CHECK(store.files("points").size() == 4);

    // The day's first is what a day keeps, but the newest is what a restore takes.
    export_all(store, {"2026-01-04T05:00:00Z"});
    Standby other(store, "", "retention: {daily: 1}, ");
    CHECK(Application::state(other.run("r1")) == "Complete");
    CHECK(other.imported() == Names{"2026-01-04", "2026-01-04"});
}

TEST_CASE("a selector says which applications a standby follows") {
    Store store;
    export_all(store, {"2026-01-01T00:00:00Z"});
    Standby here(store, "{}",
                 "selector: {matchExpressions: [{key: k10.kasten.io/appNamespace, operator: NotIn, values: "
                 "['a*']}]}, ");
    CHECK(Application::steps(here.run("r1")) == Names{"what is there: complete"});
    CHECK(here.imported().empty());
}

TEST_CASE("a standby restores nothing while something is missing, and does when it is there") {
    Store store;
    export_all(store, {"2026-01-01T00:00:00Z"});
    Standby here(store);
    here.world.cluster->remove({types::kSecrets, "default", "admin"});
    const Value failed = here.run("r1");
    CAPTURE(to_json(failed["status"]));
    CHECK(Application::error(failed) == "the restore failed of app");
    CHECK(failed.get("status", "exceptions")
              .as_list()
              .at(0)["message"]
              .string_or("")
              .find("app: a restore here would fail: secret default/admin: the phase 'load'") == 0);
    CHECK(here.restores() == 0);
    CHECK(here.imported().size() == 1);
    here.world.create(types::kSecrets, "metadata: {name: admin, namespace: default}");
    CHECK(Application::state(here.run("r2")) == "Complete");
    CHECK(here.restores() == 1);
}

TEST_CASE("a restore that failed is tried again by the next run, one that a RestoreAction refuses is told") {
    Store store;
    export_all(store, {"2026-01-01T00:00:00Z"});
    Standby here(store, "{}");  // into the namespace `app`, whose claims are there
    const Value failed = here.run("r1");
    CHECK(Application::error(failed) == "the restore failed of app");
    CHECK(failed.get("status", "exceptions")
              .as_list()
              .at(0)["message"]
              .string_or("")
              .find("set spec.overwriteExisting") != std::string::npos);
    Value policy = *here.find(types::kPolicies, "default", "follow");
    policy["spec"]["actions"].writable_list()[1]["restoreParameters"] = Map{
        {"overwriteExisting", true}, {"filters", parse_yaml_value("{excludeResources: [{resource: pods}]}")}};
    here.world.cluster->replace(types::kPolicies, policy);
    CHECK(Application::state(here.run("r2")) == "Complete");
    const Value action = *here.find(types::kRestoreActions, "app", "r2-restore-app");
    CHECK(action.get("spec", "overwriteExisting") == Value(true));
    CHECK(action.get("spec", "filters", "excludeResources").as_list().size() == 1);
}

TEST_CASE("a location that does not answer fails the run, and the next one tries again") {
    Store store;
    export_all(store, {"2026-01-01T00:00:00Z"});
    Standby here(store);
    const fs::path away = store.root / "away";
    fs::rename(store.store(), away);
    const Value failed = here.run("r1");
    CAPTURE(Application::error(failed));
    CHECK(Application::state(failed) == "Failed");
    CHECK(!Application::error(failed).empty());
    fs::rename(away, store.store());
    CHECK(Application::state(here.run("r2")) == "Complete");
    CHECK(here.restores() == 1);
}

TEST_CASE("what another key has signed is not imported, and not restored") {
    Store store;
    export_all(store, {"2026-01-01T00:00:00Z"});
    Standby here(store, "{targetNamespace: copy}", "", ", trustedKey: 'SHA256:00'");
    const Value failed = here.run("r1");
    CHECK(Application::error(failed) == "the import failed of app");
    CHECK(failed.get("status", "exceptions")
              .as_list()
              .at(0)["message"]
              .string_or("")
              .find("not by SHA256:00") != std::string::npos);
    CHECK(here.imported().empty());
    CHECK(here.restores() == 0);
}

TEST_CASE("a policy says by day which member of restoreParameters no RestoreAction has") {
    Store store;
    Standby here(store, "{instantRecovery: true, overwriteExistings: true}");
    here.wait_for("the verdict", [&] {
        return here.find(types::kPolicies, "default", "follow")->get("status", "validation") ==
               Value("Failed");
    });
    const List errors = here.find(types::kPolicies, "default", "follow")->get("status", "error").as_list();
    REQUIRE(errors.size() == 2);
    CHECK(errors[0] == Value("spec.actions[1].restoreParameters.instantRecovery: a restore knows no "
                             "instantRecovery here; leave it out; docs/applications.md has what there is "
                             "[POL-E09]"));
    CHECK(errors[1] == Value("spec.actions[1].restoreParameters.overwriteExistings: a restore knows no "
                             "overwriteExistings here; did you mean 'overwriteExisting'? [POL-E09]"));
    CHECK(Application::error(here.run("r1")).find("a restore knows no instantRecovery here") !=
          std::string::npos);
}

TEST_CASE("a daemon that stops in a standby's run is followed by one that goes on") {
    Store store;
    export_all(store, {"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"});
    Standby here(store);
    here.begin("r1");
    SECTION("before it has written down what it imports") {
        here.wait_for("the run",
                      [&] { return !Application::state(here.all(types::kRunActions)[0]).empty(); });
    }
    SECTION("while it imports") {
        here.wait_for("an import", [&] { return !here.all(types::kImportActions).empty(); });
    }
    SECTION("between two imports") {
        here.wait_for("the first", [&] { return here.imported().size() == 1; });
    }
    SECTION("while it restores") {
        here.wait_for("the restore", [&] { return here.restores() == 1; });
        CHECK(here.all(types::kRunActions)[0].get("status", "progress").int_or(0) >= 50);
    }
    here.restart();
    const Value ended = here.end_of(types::kRunActions, "default", "r1");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(here.imported().size() == 2);
    CHECK(here.all(types::kImportActions).size() == 2);
    CHECK(here.restores() == 1);
    CHECK(here.find(types::kPolicies, "default", "follow")->get("status", "restored", "app").is_map());
}

}  // namespace fencepost::protect
