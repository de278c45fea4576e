#include "protect/in_the_way.h"

#include "tests/unit/protect/application.h"

namespace fencepost::protect {
namespace {

using Catch::Contains;
using Names = std::vector<std::string>;

constexpr const char* kHooks = R"(
  backupPrehook: {phases: [{name: fence, func: Step, args: {do: ok}}]}
  backupPosthook: {phases: [{name: unfence, func: Step, args: {do: ok}}]}
)";

// The application, backed up. Since then its database has got one more claim, `later`, which something holds.
struct Grown : Application {
    Grown() : Application(kHooks) {
        back_up();
        REQUIRE(state(end_of(types::kBackupActions)) == "Complete");
        claim("later",
              "finalizers: [test/holds], ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: database, "
              "controller: true, uid: " +
                  uid(types::kConfigMaps, "database") + "}]");
    }
    std::string uid(const cluster::ResourceType& type, const std::string& name) {
        return cluster::uid_of(world.cluster->get({type, "app", name}));
    }
    [[nodiscard]] bool is_there(const cluster::ResourceType& type, const std::string& name) {
        return find(type, "app", name).has_value();
    }
    void overwrite(const std::string& more = "", const std::string& name = "restore-1") {
        restore("{subject: {kind: RestorePoint, name: backup-1, namespace: app}, overwriteExisting: true" +
                    more + "}",
                "app", name);
    }
    void let_go() {
        world.cluster->patch({types::kPersistentVolumeClaims, "app", "later"}, cluster::PatchType::kMerge,
                             parse_yaml_value("metadata: {finalizers: []}"));
    }
    Names claims() {
        Names names;
        for (const Value& one : all(types::kPersistentVolumeClaims, "app"))
            names.push_back(cluster::name_of(one));
        return names;
    }
};

}  // namespace

TEST_CASE("claims that are not restored go with the owner that is replaced, before it is made again") {
    Grown app;
    app.overwrite();
    app.wait_for("what is in the way", [&] {
        return !app.is_there(types::kConfigMaps, "database") &&
               !app.is_there(types::kPersistentVolumeClaims, "files");
    });
    SECTION("in one go") {}
    SECTION("by a daemon that goes on") { app.restart(); }
    std::string name = "restore-1";
    SECTION("by another restore, when that one was cancelled") {
        app.world.cluster->patch({types::kRestoreActions, "app", name}, cluster::PatchType::kMerge,
                                 parse_yaml_value("spec: {cancel: true}"));
        CHECK(Application::state(app.end_of(types::kRestoreActions, "app", name)) == "Cancelled");
        app.overwrite("", name = "restore-2");
    }
    for (int i = 0; i < 200; ++i) {
        REQUIRE_FALSE(app.is_there(types::kConfigMaps, "database"));
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    CHECK(app.claims() == Names{"later"});
    app.let_go();
    const Value ended = app.end_of(types::kRestoreActions, "app", name);
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(app.claims() == Names{"data", "files"});
    CHECK(app.is_there(types::kConfigMaps, "database"));
}

TEST_CASE("a claim that would go with its owner and not come back is refused before anything goes") {
    Grown app;
    const std::string database = app.uid(types::kConfigMaps, "database");
    const std::string filters = ", filters: {includeResources: [{resource: configmaps, name: database}";
    app.overwrite(filters + "]}");
    const Value refused = app.end_of(types::kRestoreActions, "app", "restore-1");
    CHECK(Application::state(refused) == "Failed");
    CHECK_THAT(Application::error(refused),
               Contains("the claim app/data would go with configmaps/database, which owns it") &&
                   Contains("include persistentvolumeclaims/data too, or leave configmaps/database out"));
    CHECK(app.uid(types::kConfigMaps, "database") == database);
    CHECK(app.claims() == Names{"data", "files", "later"});

    app.let_go();
    app.overwrite(filters + ", {resource: persistentvolumeclaims, name: data}]}", "restore-2");
    CHECK(Application::state(app.end_of(types::kRestoreActions, "app", "restore-2")) == "Complete");
    CHECK(app.uid(types::kConfigMaps, "database") != database);
    CHECK(app.claims() == Names{"data", "files"});
}

}  // namespace fencepost::protect
