#include "protect/point_in_time.h"

#include "base/encodings.h"
#include "tests/unit/protect/application.h"

namespace fencepost::protect {
namespace {

using Catch::Contains;
using Names = std::vector<std::string>;

// A blueprint that follows a log, and says so by what it reads; another that knows of no log.
constexpr const char* kFollows = R"(
  backup: {phases: [{name: base, func: Step, args: {do: ok}}]}
  restorePrehook: {phases: [{name: stop, func: Step, args: {do: ok}}]}
  restore:
    phases:
    - {name: fetch, func: Step, args: {do: echo, text: '###Phase-output###: {"key": "target", "value": "{{ index .Options "pointInTime" | default "latest" }}"}'}}
)";
constexpr const char* kOther = R"(
metadata: {name: other, namespace: default}
actions:
  backup: {phases: [{name: dump, func: Step, args: {do: ok}}]}
  restore: {phases: [{name: load, func: Step, args: {do: echo, text: '{{ .Options | toJson }}'}}]}
)";

struct Logged : Application {
    explicit Logged(const std::string& actions = kFollows) : Application(actions) {
        world.create(types::kBlueprints, kOther);
        world.create(types::kConfigMaps,
                     "metadata: {name: second, namespace: app, annotations: {kanister.kasten.io/blueprint: "
                     "other}}");
        back_up();
        const Value ended = end_of(types::kBackupActions);
        CAPTURE(to_json(ended["status"]));
        REQUIRE(state(ended) == "Complete");
    }
    Value restored(const std::string& more, const std::string& name = "restore-1") {
        ns(name);
        restore("{subject: {kind: RestorePoint, name: backup-1, namespace: app}" + more + "}", name, name);
        return end_of(types::kRestoreActions, name, name);
    }
    std::string now() { return format_rfc3339_nano(world.clock.now()); }
    // What the ActionSets of that action were given as options.
    std::map<std::string, Value> options(const std::string& action) {
        std::map<std::string, Value> given;
        for (const Value& set : all(types::kActionSets)) {
            const Value& one = set.get("spec", "actions").as_list().at(0);
            if (one["name"] == Value(action)) given[one.get("object", "name").as_string()] = one["options"];
        }
        return given;
    }
};

}  // namespace

TEST_CASE("a point in time is passed to the blueprints that read it, and to no others") {
    Logged app;
    const std::string target = app.now();
    const Value ended = app.restored(", pointInTime: '" + target + "'");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(app.options("restorePrehook").empty());  // of what was not there yet
    auto given = app.options("restore");
    CHECK(given.at("database") == Value(Map{{"pointInTime", target}}));
    CHECK(given.at("second").is_nil());
    CHECK_THAT(
        to_json(ended.get("status", "exceptions")),
        Contains("configmaps/second is restored as it was backed up: its blueprint knows of no point"));
}

TEST_CASE("a point in time of any zone reaches blueprints as UTC, and without one there is no option") {
    Logged app;
    const auto later = app.world.clock.now();
    std::string text = format_rfc3339_nano(later + std::chrono::hours(2));
    text.replace(text.size() - 1, 1, "+02:00");
    CHECK(Application::state(app.restored(", pointInTime: '" + text + "'")) == "Complete");
    CHECK(app.options("restore").at("database") == Value(Map{{"pointInTime", format_rfc3339_nano(later)}}));
    CHECK(point_in_time(Value(Map{}), Value(), later).empty());
}

TEST_CASE("a point in time that cannot be had is refused before anything is touched") {
    Logged app;
    const Value content = app.all(types::kRestorePointContents).front();
    const std::string of_point = content.get("spec", "actionTime").as_string();
    int number = 0;
    for (const auto& [time, message] :
         {std::pair<std::string, std::string>{"noon", "spec.pointInTime is no time"},
          {"2001-01-01T00:00:00Z", "and the restore point is of " + of_point},
          {of_point, "a log leads forward alone"},
          {"2200-01-01T00:00:00Z", "which is still to come"}}) {
        const std::string name = "restore-" + std::to_string(++number);
        const Value ended = app.restored(", pointInTime: '" + time + "'", name);
        CHECK(Application::state(ended) == "Failed");
        CHECK_THAT(Application::error(ended), Contains(message));
        CHECK(app.all(types::kSecrets, name).empty());
    }
    CHECK(app.world.script.calls() == Names{"base#1", "dump#1"});
}

TEST_CASE("a point in time that no blueprint knows of is refused; today's blueprint counts where it runs") {
    Logged app(std::string(kFollows).replace(std::string(kFollows).find("pointInTime"), 11, "target"));
    const std::string more = ", pointInTime: '" + app.now() + "'";
    const Value refused = app.restored(more);
    CHECK_THAT(Application::error(refused),
               Contains("no blueprint of what is restored knows of a point in time (one does that reads "
                        ".Options.pointInTime"));
    CHECK(app.all(types::kSecrets, "restore-1").empty());
    app.world.cluster->patch(
        {types::kBlueprints, "default", "bp"}, cluster::PatchType::kMerge,
        parse_yaml_value(std::string("{actions: {restore: {phases: [{name: fetch, func: Step, "
                                     "args: {do: echo, text: '{{ .Options.pointInTime }}'}}]}}}")));
    CHECK(Application::state(app.restored(more + ", blueprintSource: live", "restore-2")) == "Complete");
    const Value left_out = app.restored(
        more + ", blueprintSource: live, filters: {excludeResources: [{name: database}]}", "restore-3");
    CHECK_THAT(Application::error(left_out), Contains("no blueprint of what is restored"));
}

}  // namespace fencepost::protect
