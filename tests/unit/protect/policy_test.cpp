#include <set>

#include "policy/simulation.h"
#include "protect/applications.h"
#include "protect/policy_children.h"
#include "protect/policy_retention.h"
#include "protect/restore_point.h"
#include "base/encodings.h"
#include "tests/unit/protect/application.h"

namespace fencepost::protect {
namespace {

using Names = std::vector<std::string>;

constexpr const char* kHooks = R"(
  backupPrehook: {phases: [{name: fence, func: Step, args: {do: ok}}]}
  backupPosthook: {phases: [{name: unfence, func: Step, args: {do: ok}}]}
)";
constexpr const char* kDaily =
    "{frequency: '@daily', retention: {daily: 2}, selector: {matchExpressions: [{key: "
    "k10.kasten.io/appNamespace, "
    "operator: In, values: [app]}]}, actions: [{action: backup}]}";

// The Protector begins after it: it looks at policies when it does, and then every ten seconds.
void policy(Application& app, const std::string& spec, const std::string& last = "") {
    const std::string status = last.empty() ? "" : "\nstatus: {lastScheduledTime: '" + last + "'}";
    app.protector.reset();
    app.world.create(types::kPolicies, "metadata: {name: daily, namespace: default}\nspec: " + spec + status);
    app.start();
}

Value run_policy(Application& app, const std::string& name, const std::string& more = "") {
    app.world.create(types::kRunActions,
                     "metadata: {name: " + name +
                         ", namespace: default}\nspec: {subject: {kind: Policy, name: daily, "
                         "namespace: default}" +
                         more + "}");
    return app.end_of(types::kRunActions, "default", name);
}

Names points(Application& app) {
    Names names;
    for (const Value& point : app.all(types::kRestorePoints)) names.push_back(cluster::name_of(point));
    return names;
}

}  // namespace

TEST_CASE("a policy's run backs its applications up, and retires what is no longer kept") {
    Application app(kHooks);
    policy(app, kDaily);
    for (const char* day : {"1", "2", "3"}) {
        const Value ended = run_policy(app, std::string("run-") + day,
                                       std::string(", scheduledTime: '2026-01-0") + day + "T00:00:00Z'");
        CAPTURE(to_json(ended["status"]));
        CHECK(Application::state(ended) == "Complete");
        CHECK(ended.get("status", "policySpec", "frequency") == Value("@daily"));
    }
    app.wait_for("the retirement", [&] { return points(app) == Names{"run-2", "run-3"}; });
    const Value point = app.all(types::kRestorePoints).front();
    CHECK(point.get("metadata", "labels", labels::kPolicy) == Value("daily"));
    // What was made by hand is not counted, and stays.
    CHECK(Application::state(run_policy(app, "run-by-hand")) == "Complete");
    CHECK(Application::state(run_policy(app, "run-4", ", scheduledTime: '2026-01-04T00:00:00Z'")) ==
          "Complete");
    app.wait_for("the retirement", [&] { return points(app) == Names{"run-3", "run-4", "run-by-hand"}; });
}

TEST_CASE("names that are too long for a label's value are cut in labels, and told apart") {
    Application app(kHooks);
    policy(app, kDaily);
    const std::string stem(56, 'r');
    for (const char* day : {"1", "2", "3"}) {
        const Value ended = run_policy(app, stem + "-" + day,
                                       std::string(", scheduledTime: '2026-01-0") + day + "T00:00:00Z'");
        CHECK(Application::state(ended) == "Complete");
    }
    app.wait_for("the retirement", [&] { return points(app) == Names{stem + "-2", stem + "-3"}; });
    std::set<std::string> owners;
    for (const auto& type : {types::kSecrets, types::kRestorePointContents, types::kBackupActions}) {
        for (const Value& object : app.all(type)) {
            for (const auto& [key, value] : object.get("metadata", "labels").map_or_empty()) {
                CHECK(value.string_or("").size() <= 63);
                if (key == kContentLabel) owners.insert(value.as_string());
            }
        }
    }
    CHECK(owners.size() == 2);
}

TEST_CASE("a run whose backup fails fails, and retires nothing") {
    Application app(std::string(kHooks).replace(std::string(kHooks).find("do: ok"), 6, "do: fail"));
    policy(app, kDaily);
    const Value ended = run_policy(app, "run-1");
    CHECK(Application::state(ended) == "Failed");
    CHECK(Application::error(ended) == "the backup failed of app");
    CHECK(
        ended.get("status", "exceptions").as_list()[0]["message"].string_or("").find("app: backupPrehook") ==
        0);
}

TEST_CASE("F8 a run verifies what it has made, and retires nothing where that is not good") {
    const std::string dumps = R"(
  backup: {phases: [{name: dump, func: Step, args: {do: ok}}]}
  restore: {phases: [{name: load, func: Step, args: {do: ok, text: '{{ index .Options "scratch" | default "" }}'}}]}
  verify: {phases: [{name: ask, func: Step, args: {do: echo, text: '###Phase-output###: {"key": "answers", "value": "[{\"value\": \"7\"}]"}'}}]}
  verifyPosthook: {phases: [{name: drop, func: Step, args: {do: ok}}]}
)";
    Application app(dumps);
    const auto verifying = [](const std::string& expected) {
        return std::string(kDaily).replace(std::string(kDaily).find("{action: backup}"), 16,
                                           "{action: backup, backupParameters: {verify: restore, "
                                           "verification: {countRows: false, assertions: "
                                           "[{sql: select 7, expect: " +
                                               expected + "}]}}}");
    };
    policy(app, verifying("7"));
    for (const char* day : {"1", "2", "3"}) {
        const Value ended = run_policy(app, std::string("run-") + day,
                                       std::string(", scheduledTime: '2026-01-0") + day + "T00:00:00Z'");
        CAPTURE(to_json(ended["status"]));
        CHECK(Application::state(ended) == "Complete");
        CHECK(Application::steps(ended) == Names{"backup of app: complete", "verification of app: complete"});
    }
    app.wait_for("the retirement", [&] { return points(app) == Names{"run-2", "run-3"}; });
    Value changed = app.find(types::kPolicies, "default", "daily").value();
    changed["spec"] = parse_yaml_value(verifying("8"));
    app.world.cluster->replace(types::kPolicies, changed);
    const Value ended = run_policy(app, "run-4", ", scheduledTime: '2026-01-04T00:00:00Z'");
    CHECK(Application::error(ended) == "the verification failed of app");
    CHECK(points(app) == Names{"run-2", "run-3", "run-4"});
    CHECK(app.find(types::kRestorePoints, "app", "run-4")->get("status", "verification") == Value("Failed"));
}

TEST_CASE("F8 a policy says by day what it could not verify at night, and still backs up") {
    Application app(kHooks);
    policy(app,
           std::string(kDaily).replace(std::string(kDaily).find("{action: backup}"), 16,
                                       "{action: backup, backupParameters: {verify: restore}}"),
           "2026-01-01T00:00:00Z");
    app.wait_for("the verdict", [&] {
        return app.find(types::kPolicies, "default", "daily")->get("status", "validation") == Value("Failed");
    });
    const Value errors = app.find(types::kPolicies, "default", "daily")->get("status", "error");
    CHECK(
        errors.as_list().at(0).string_or("").find(
            "configmaps/database of app cannot be verified by the Blueprint bp: it has no action 'verify'") ==
        0);
    app.wait_for("the run", [&] { return !app.all(types::kRunActions).empty(); });
}

TEST_CASE("A-14 runs that were missed are made up for by one") {
    Application app(kHooks);
    policy(app, kDaily, "2026-01-01T00:00:00Z");
    app.wait_for("the run", [&] { return app.all(types::kRunActions).size() == 1; });
    const Value run = app.all(types::kRunActions).front();
    CHECK(Application::state(app.end_of(types::kRunActions, "default", cluster::name_of(run))) == "Complete");
    const std::string scheduled = run.get("spec", "scheduledTime").as_string();
    CHECK(scheduled.substr(10) == "T00:00:00Z");
    CHECK(app.find(types::kPolicies, "default", "daily")->get("status", "lastScheduledTime") ==
          Value(scheduled));
    CHECK(app.find(types::kPolicies, "default", "daily")->get("status", "validation") == Value("Success"));
    CHECK(app.all(types::kRunActions).size() == 1);
}

TEST_CASE("a run that is skipped tells so in an Event") {
    Application app(kHooks);
    app.protector.reset();
    app.world.create(types::kRunActions, R"(
metadata: {name: slow, namespace: default, labels: {k10.kasten.io/policyName: daily}}
spec: {subject: {kind: Policy, name: daily}}
)");
    policy(app, kDaily, "2026-01-01T00:00:00Z");
    app.wait_for("the skipped run", [&] { return app.all(types::kRunActions).size() == 2; });
    for (const Value& run : app.all(types::kRunActions)) {
        if (cluster::name_of(run) == "slow") continue;
        CHECK(Application::state(run) == "Skipped");
        const Names told{"Warning Skipped: the run slow still works"};
        app.wait_for("the Event", [&] { return app.events(run) == told; });
    }
}

TEST_CASE("a policy that cannot be read says so, and never runs") {
    Application app(kHooks);
    policy(app, "{frequency: '@dayly', actions: []}", "2026-01-01T00:00:00Z");
    app.wait_for("the verdict", [&] {
        return app.find(types::kPolicies, "default", "daily")->get("status", "validation") == Value("Failed");
    });
    const Value errors = app.find(types::kPolicies, "default", "daily")->get("status", "error");
    CHECK(errors.as_list().at(0).string_or("").find("did you mean '@daily'?") != std::string::npos);
    CHECK(app.all(types::kRunActions).empty());
}

TEST_CASE("a policy runs as its preset says, and as it says now") {
    Application app(kHooks);
    const auto preset = [&](const std::string& spec) {
        app.world.create(types::kPolicyPresets, "metadata: {name: gold, namespace: default}\nspec: " + spec);
    };
    const auto told = [&](const char* member) {
        return app.find(types::kPolicies, "default", "daily")->get("status", member);
    };
    preset("{backup: {frequency: '@daily', retention: {daily: 2}}}");
    policy(
        app,
        "{presetRef: {name: gold}, selector: {matchExpressions: [{key: k10.kasten.io/appNamespace, operator: "
        "In, values: [app]}]}, actions: [{action: backup}]}");
    app.wait_for("the verdict", [&] { return told("validation") == Value("Success"); });
    const Value hash = told("hash");
    app.wait_for("the preset's verdict", [&] {
        const Value status = (*app.find(types::kPolicyPresets, "default", "gold"))["status"];
        return status["validation"] == Value("Success") && status["type"] == Value("backup");
    });
    for (const char* day : {"1", "2", "3"}) {
        const Value ended = run_policy(app, std::string("run-") + day,
                                       std::string(", scheduledTime: '2026-01-0") + day + "T00:00:00Z'");
        CAPTURE(to_json(ended["status"]));
        CHECK(Application::state(ended) == "Complete");
        CHECK(ended.get("status", "policySpec", "frequency") == Value("@daily"));
    }
    app.wait_for("the retirement", [&] { return points(app) == Names{"run-2", "run-3"}; });

    // Without it nothing is known of what is to stay.
    app.world.cluster->remove({types::kPolicyPresets, "default", "gold"});
    app.protector.reset();
    app.start();
    app.wait_for("the verdict", [&] { return told("validation") == Value("Failed"); });
    CHECK(told("error").as_list().at(0).string_or("").find("there is no PolicyPreset default/gold") == 0);
    const Value failed = run_policy(app, "run-4", ", scheduledTime: '2026-01-04T00:00:00Z'");
    CHECK(Application::state(failed) == "Failed");
    CHECK(Application::error(failed).find("there is no PolicyPreset default/gold") == 0);
    CHECK(points(app) == Names{"run-2", "run-3"});

    preset("{backup: {frequency: '@daily', retention: {daily: 1}}}");
    app.protector.reset();
    app.start();
    app.wait_for("the verdict", [&] { return told("validation") == Value("Success"); });
    CHECK(told("hash") != hash);
    CHECK(Application::state(run_policy(app, "run-5", ", scheduledTime: '2026-01-05T00:00:00Z'")) ==
          "Complete");
    app.wait_for("the retirement", [&] { return points(app) == Names{"run-5"}; });
}

TEST_CASE("a preset that is wrong fails its policies, at its own place") {
    Application app(kHooks);
    app.world.create(
        types::kPolicyPresets,
        "metadata: {name: gold, namespace: default}\nspec: {backup: {frequency: '@dayly'}, export: {}}");
    policy(app, "{presetRef: {name: gold}, actions: [{action: backup}]}");
    app.wait_for("the verdict", [&] {
        return app.find(types::kPolicies, "default", "daily")->get("status", "validation") == Value("Failed");
    });
    const Value errors = app.find(types::kPolicies, "default", "daily")->get("status", "error");
    CHECK(errors.as_list().at(0).string_or("").find(
              "the PolicyPreset default/gold is wrong: spec.backup.frequency: there is no frequency "
              "'@dayly'") == 0);
    app.wait_for("the preset's verdict", [&] {
        const Value status = (*app.find(types::kPolicyPresets, "default", "gold"))["status"];
        return status["validation"] == Value("Failed") && status["type"] == Value("backup-export") &&
               status["error"].as_list().size() == 2;
    });
}

TEST_CASE("a run tells how many of its applications are done") {
    Application app(kHooks);
    app.ns("ahead");
    app.world.create(types::kConfigMaps, "metadata: {name: a, namespace: ahead}");
    policy(app, std::string(kDaily).replace(std::string(kDaily).find("[app]"), 5, "['a*']"));
    app.world.create(
        types::kRunActions,
        "metadata: {name: run-1, namespace: default}\nspec: {subject: {kind: Policy, name: daily}}");
    // The other one has volumes, whose copies are not ready.
    app.wait_for("the backup of what has no volumes",
                 [&] { return app.all(types::kRunActions).at(0).get("status", "progress") == Value(33); });
    const Value ended = app.end_of(types::kRunActions, "default", "run-1");
    CHECK(Application::state(ended) == "Complete");
    CHECK(ended.get("status", "progress") == Value(100));
}

TEST_CASE("a run that is cancelled cancels what it has made, in every application") {
    Application app(kHooks);
    app.ns("app-2");
    app.world.create(types::kConfigMaps, "metadata: {name: a, namespace: app-2}");
    app.claim("data-2", "labels: {a: b}", "app-2");
    policy(app, std::string(kDaily).replace(std::string(kDaily).find("[app]"), 5, "['app*']"));
    app.world.create(
        types::kRunActions,
        "metadata: {name: run-1, namespace: default}\nspec: {subject: {kind: Policy, name: daily}}");
    // No copy is ever ready: both wait.
    app.wait_for("the backups", [&] {
        const List all = app.all(types::kBackupActions);
        return all.size() == 2 && std::all_of(all.begin(), all.end(), [](const Value& one) {
                   return one.get("status", "state") == Value("Running");
               });
    });
    SECTION("by the daemon that has made it") {}
    SECTION("by the next daemon") { app.restart(); }
    app.world.cluster->patch({types::kRunActions, "default", "run-1"}, cluster::PatchType::kMerge,
                             parse_yaml_value("spec: {cancel: true}"));
    app.wait_for("the end of all", [&] {
        const List all = app.all(types::kBackupActions);
        return std::all_of(all.begin(), all.end(),
                           [](const Value& one) { return one.get("status", "state") == Value("Cancelled"); });
    });
    CHECK(Application::state(app.end_of(types::kRunActions, "default", "run-1")) == "Cancelled");
}

TEST_CASE("a selector chooses namespaces by name, pattern and label") {
    Application app(kHooks);
    for (const char* name : {"app-2", "other"}) app.ns(name);
    app.world.create(types::kNamespaces,
                     "metadata: {name: app-out, annotations: {k10.kasten.io/ignorebackuppolicy: 'true'}}");
    app.world.create(types::kConfigMaps, "metadata: {name: a, namespace: other, labels: {tier: gold}}");
    const auto chosen = [&](const std::string& selector) {
        return applications_of(*app.world.cluster, parse_yaml_value(selector));
    };
    const std::string key = "{key: k10.kasten.io/appNamespace, operator: ";
    CHECK(chosen("{matchExpressions: [" + key + "In, values: [app]}]}") == Names{"app"});
    CHECK(chosen("{matchExpressions: [" + key + "In, values: ['app*']}, " + key +
                 "NotIn, values: [app]}]}") == Names{"app-2"});
    CHECK(chosen("{matchLabels: {tier: gold}}") == Names{"other"});
    CHECK(chosen("{matchLabels: {tier: iron}}").empty());
    CHECK_THROWS_AS(chosen("{}"), Error);
    CHECK(fits_pattern("a*c*", "abcd"));
    CHECK(!fits_pattern("a*c", "abcd"));
    CHECK(fits_pattern("*", ""));
}

// What `policy simulate` shows is what happens.
TEST_CASE("A-12 the real retention over a simulated year keeps what the simulation says") {
    const std::string spec = GENERATE(
        std::string("{frequency: '@daily', retention: {daily: 7, weekly: 4, monthly: 12, yearly: 7}, "
                    "actions: [{action: backup}]}"),
        std::string("{frequency: '@hourly', retention: {hourly: 5, daily: 3, monthly: 2}, actions: [{action: "
                    "backup}]}"),
        std::string(
            "{frequency: '17 4 * * 1', retention: {weekly: 6, yearly: 2}, actions: [{action: backup}]}"));
    CAPTURE(spec);
    ManualClock clock(parse_rfc3339("2026-01-01T00:00:00Z"));
    run::RunWorld base;
    base.engine.reset();
    run::World world{*base.cluster, clock, *base.http, base.log, "default"};
    const model::Policy policy = model::Policy::from(
        parse_yaml_value("{metadata: {name: p, namespace: default}, spec: " + spec + "}"));
    const int days = policy.frequency == "@hourly" ? 40 : 365;
    const SystemTime until = clock.now() + std::chrono::days(days);
    const auto simulated = policy::simulate(policy, {.from = clock.now(), .until = until});
    for (const policy::SimulatedPoint& point : simulated.points) {
        clock.advance(point.scheduled - clock.now());
        const std::string time = format_rfc3339(point.scheduled);
        Value content = parse_yaml_value(
            "metadata: {labels: {k10.kasten.io/policyName: p, k10.kasten.io/policyNamespace: default, "
            "k10.kasten.io/appNamespace: app}}\nspec: {scheduledTime: '" +
            time + "'}");
        content["metadata"]["name"] = "at-" + std::to_string(point.scheduled.time_since_epoch().count());
        base.cluster->create(types::kRestorePointContents, content);
        apply_retention(world, policy, "app");
    }
    Names expected, real;
    for (const policy::SimulatedPoint& point : simulated.points) {
        if (!point.retired) expected.push_back(format_rfc3339(point.scheduled));
    }
    for (const Value& content : base.cluster->list(types::kRestorePointContents).items)
        real.push_back(content.get("spec", "scheduledTime").as_string());
    std::sort(real.begin(), real.end());
    CHECK(simulated.points.size() > 40);
    CHECK(real == expected);
}

}  // namespace fencepost::protect
