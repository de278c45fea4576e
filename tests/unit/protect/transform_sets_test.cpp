#include "protect/transform_sets.h"

#include "tests/unit/protect/application.h"

namespace fencepost::protect {
namespace {

using Catch::Contains;
using Names = std::vector<std::string>;

const cluster::ResourceType kTransformSets{"fencepost.io", "v1alpha1", "transformsets"};
constexpr const char* kActions = R"(
  restorePosthook: {phases: [{name: begin, func: Step, args: {do: ok}}]}
  before: {phases: [{name: before, func: Step, args: {do: wait}}]}
)";
constexpr const char* kSubject = "subject: {kind: RestorePoint, name: backup-1, namespace: app}, ";

struct BackedUp : Application {
    BackedUp() : Application(kActions) {
        back_up();
        REQUIRE(state(end_of(types::kBackupActions)) == "Complete");
        ns("tenant");
        world.create(kTransformSets, R"(
metadata: {name: labels, namespace: default}
spec:
  comment: for tenants
  transforms:
  - subject: {resource: persistentvolumeclaims}
    json: [{op: add, path: /metadata/labels, value: {from: set}}]
  - subject: {resource: secrets}
    json: [{op: add, path: /metadata/labels, value: {from: set}}]
)");
    }
    Value label(const cluster::ResourceType& type, const std::string& name) {
        return find(type, "tenant", name)->get("metadata", "labels", "from");
    }
};

}  // namespace

TEST_CASE("a restore applies a TransformSet where its transforms name it") {
    BackedUp app;
    app.restore(std::string("{") + kSubject +
                    "transforms: [{transformSetRef: {name: labels, namespace: default}}, "
                    "{subject: {resource: secrets}, json: [{op: replace, path: /metadata/labels/from, value: "
                    "restore}]}]}",
                "tenant");
    const Value ended = app.end_of(types::kRestoreActions, "tenant", "restore-1");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(app.label(types::kPersistentVolumeClaims, "data") == Value("set"));
    CHECK(app.label(types::kSecrets, "password") == Value("restore"));
    CHECK(app.label(types::kConfigMaps, "database").is_nil());
}

TEST_CASE("what a TransformSet held when the restore began counts, whatever becomes of it") {
    BackedUp app;
    app.restore(std::string("{") + kSubject +
                    "transforms: [{transformSetRef: {name: labels}}], "
                    "hooks: {preHook: {blueprint: bp, actionName: before}}}",
                "tenant");
    app.world.wait_for_call("before#1");
    SECTION("it is changed") {
        app.world.cluster->patch({kTransformSets, "default", "labels"}, cluster::PatchType::kMerge,
                                 parse_yaml_value("spec: {transforms: []}"));
    }
    SECTION("it is deleted, and another daemon goes on") {
        app.world.cluster->remove({kTransformSets, "default", "labels"});
        app.restart();
    }
    app.world.script.open();
    const Value ended = app.end_of(types::kRestoreActions, "tenant", "restore-1");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(app.label(types::kPersistentVolumeClaims, "files") == Value("set"));
}

TEST_CASE("a TransformSet that is not there, or is wrong, is refused before anything is touched") {
    BackedUp app;
    app.world.create(kTransformSets,
                     "metadata: {name: nested, namespace: default}\nspec: {transforms: [{transformSetRef: "
                     "{name: labels}}, {subject: {resource: a}, json: [{op: set, path: /a}]}]}");
    const auto [transforms, message] = GENERATE(table<std::string, std::string>({
        {"{transformSetRef: {name: none}}", "there is no TransformSet default/none"},
        {"{transformSetRef: {name: labels, namespace: app}}", "TransformSets are in the namespace default"},
        {"{transformSetRef: {namespace: default}}", "spec.transforms[0].transformSetRef"},
        {"{transformSetRef: {name: labels}, json: []}", "not both"},
        {"{transformSetRef: {name: nested}}",
         "the TransformSet default/nested: spec.transforms[0].transformSetRef: a TransformSet is named by a "
         "RestoreAction alone"},
        {"{transformSetRef: {name: nested}}", "'set' is none of test, add"},
    }));
    CAPTURE(transforms);
    app.restore(std::string("{") + kSubject +
                    "hooks: {preHook: {blueprint: bp, actionName: before}}, transforms: [" + transforms +
                    "]}",
                "tenant");
    const Value ended = app.end_of(types::kRestoreActions, "tenant", "restore-1");
    CHECK(Application::state(ended) == "Failed");
    CHECK_THAT(Application::error(ended), Contains(message));
    CHECK(app.world.script.calls().empty());
    CHECK(app.all(types::kPersistentVolumeClaims, "tenant").empty());
}

}  // namespace fencepost::protect
