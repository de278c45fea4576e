#include "protect/volume_clone.h"

#include "tests/unit/protect/application.h"

namespace fencepost::protect {
namespace {

using Catch::Contains;
using Names = std::vector<std::string>;

constexpr const char* kHooks = R"(
  backupPrehook: {phases: [{name: fence, func: Step, args: {do: ok}}]}
  backupPosthook: {phases: [{name: unfence, func: Step, args: {do: ok}}]}
  restorePrehook: {phases: [{name: stop, func: Step, args: {do: ok}}]}
  restorePosthook: {phases: [{name: begin, func: Step, args: {do: ok}}]}
)";
constexpr const char* kSubject =
    "{subject: {kind: RestorePoint, name: backup-1, namespace: app}, volumeClones: true";

}  // namespace

TEST_CASE("volumes are cloned beside the live ones, and nothing that is there is touched") {
    Application app(kHooks);
    app.back_up();
    REQUIRE(Application::state(app.end_of(types::kBackupActions)) == "Complete");
    const auto live = [&](const char* name) {
        return *app.find(types::kPersistentVolumeClaims, "app", name);
    };
    const Value data = live("data")["metadata"], files = live("files")["metadata"];
    app.restore(std::string(kSubject) + "}");
    const Value ended = app.end_of(types::kRestoreActions, "app", "restore-1");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(ended.get("status", "objects") == parse_yaml_value("{created: 2}"));
    CHECK(live("data")["metadata"] == data);
    CHECK(live("files")["metadata"] == files);
    const Value clone = live(("files-clone-" + cluster::uid_of(ended).substr(0, 8)).c_str());
    CHECK(clone.get("metadata", "annotations", "fencepost.io/clone-of") == Value("files"));
    CHECK(clone.get("metadata", "labels").is_nil());  // which an operator might select
    CHECK(clone.get("spec", "dataSource", "kind") == Value("VolumeSnapshot"));
    CHECK(live(("data-clone-" + cluster::uid_of(ended).substr(0, 8)).c_str())
              .get("metadata", "ownerReferences")
              .is_nil());
    CHECK(app.world.script.calls() == Names{"fence#1", "unfence#1"});

    app.restore(std::string(kSubject) + ", filters: {includeResources: [{name: files}]}}", "app",
                "restore-2");
    const Value one = app.end_of(types::kRestoreActions, "app", "restore-2");
    CHECK(one.get("status", "objects") == parse_yaml_value("{created: 1}"));
    app.restore(std::string(kSubject) + ", filters: {includeResources: [{resource: secrets}]}}", "app",
                "restore-3");
    CHECK_THAT(Application::error(app.end_of(types::kRestoreActions, "app", "restore-3")),
               Contains("nothing of the restore point would be restored"));
    for (const char* other :
         {"overwriteExisting: true", "dataOnly: true", "pointInTime: '2026-11-22T07:30:00Z'"}) {
        const std::string name = std::string("with-") + other[0];
        app.restore(std::string(kSubject) + ", " + other + "}", "app", name);
        CHECK_THAT(Application::error(app.end_of(types::kRestoreActions, "app", name)),
                   Contains("volumeClones does not go together with"));
    }
}

}  // namespace fencepost::protect
