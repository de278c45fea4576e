#include "model/policy.h"

#include <catch2/catch.hpp>

#include "value/yaml.h"

namespace fencepost::model {
namespace {

std::vector<std::string> told(const std::string& spec) {
    Problems problems;
    (void)Policy::read(parse_yaml_value("metadata: {name: nightly}\nspec:\n" + spec), problems);
    std::vector<std::string> texts;
    for (const Problem& problem : problems.all()) texts.push_back(problem.rule + " " + to_text(problem));
    return texts;
}

constexpr const char* kBackup = "  actions: [{action: backup}]\n";

}  // namespace

TEST_CASE("a policy of Kasten's fields is read") {
    const Policy policy = Policy::from(parse_yaml_value(R"(
metadata: {name: nightly, namespace: default, uid: u1, generation: 3}
spec:
  comment: every six hours
  frequency: '@daily'
  subFrequency: {minutes: [30], hours: [3, 9, 15, 21], weekdays: [1], days: [1], months: [1]}
  backupWindow: {start: {hour: 22, minute: 15}, end: {hour: 4}}
  enableStaggering: true
  paused: true
  retention: {daily: 7, weekly: 4, monthly: 12, yearly: 7}
  selector: {matchExpressions: [{key: k10.kasten.io/appNamespace, operator: In, values: [app1]}]}
  actions:
  - action: backup
    backupParameters: {profile: {name: store, namespace: default}}
  - action: export
    exportParameters: {frequency: '@weekly', profile: {name: offsite}, retention: {weekly: 8}}
)"));
    CHECK(policy.frequency == "@daily");
    CHECK(policy.sub_frequency.hours == std::vector<int>{3, 9, 15, 21});
    CHECK(policy.sub_frequency.minutes == std::vector<int>{30});
    REQUIRE(policy.window);
    CHECK(policy.window->start == 22 * 60 + 15);
    CHECK(policy.window->end == 4 * 60);
    CHECK(policy.is_staggered);
    CHECK(policy.is_paused);
    CHECK(policy.retention == Retention{0, 7, 4, 12, 7});
    REQUIRE(policy.actions.size() == 2);
    CHECK(policy.actions[0].parameters.get("profile", "name") == Value("store"));
    CHECK(policy.actions[1].action == "export");
    CHECK(policy.actions[1].frequency == Tier::kWeekly);
    CHECK(policy.actions[1].retention == Retention{0, 0, 8, 0, 0});
}

TEST_CASE("what is wrong with a policy is told with its place and what to do") {
    const std::pair<std::string, const char*> rows[] = {
        {"  {}", "missing-field spec.frequency"},
        {std::string("  frequency: '@dayly'\n") + kBackup,
         "POL-E01 spec.frequency: there is no frequency '@dayly'; did you mean '@daily'?"},
        {std::string("  frequency: '61 * * * *'\n") + kBackup, "POL-E01 spec.frequency: the minute '61'"},
        {std::string("  frequency: '0 0 * * *'\n  subFrequency: {hours: [3]}\n") + kBackup,
         "POL-E02 spec.subFrequency: only @hourly to @yearly have a subFrequency"},
        {std::string("  frequency: '@weekly'\n  subFrequency: {hours: [3, 9]}\n") + kBackup,
         "POL-E02 spec.subFrequency.hours: several hours need the frequency @daily"},
        {std::string("  frequency: '@daily'\n  subFrequency: {hours: [24]}\n") + kBackup,
         "POL-E02 spec.subFrequency.hours[0]: this is no number of 0 to 23"},
        {std::string("  frequency: '@daily'\n  backupWindow: {start: {hour: 22}}\n") + kBackup,
         "POL-E03 spec.backupWindow.end: the window has no end"},
        {std::string("  frequency: '@daily'\n  backupWindow: {start: {hour: 25}, end: {hour: 1}}\n") +
             kBackup,
         "POL-E03 spec.backupWindow.start: this is no time of day"},
        {std::string("  frequency: '@daily'\n  enableStaggering: true\n") + kBackup,
         "POL-E03 spec.enableStaggering: staggering needs a backupWindow"},
        {std::string("  frequency: '@daily'\n  retention: {hourly: 24}\n") + kBackup,
         "POL-E04 spec.retention.hourly: a policy that runs @daily makes no hourly restore points"},
        {std::string("  frequency: '@daily'\n  retention: {daily: -1}\n") + kBackup,
         "POL-E04 spec.retention.daily: this is no number of restore points"},
        {std::string("  frequency: '@daily'\n  retention: {daily: 0}\n") + kBackup,
         "POL-E04 spec.retention: this retention keeps nothing"},
        {"  frequency: '@daily'\n  actions: [{action: export}]\n",
         "POL-E06 spec.actions[0].exportParameters: the export has no profile"},
        {"  frequency: '@daily'\n  actions: [{action: export, exportParameters: {profile: {name: p}, "
         "frequency: "
         "'@hourly'}}]\n",
         "POL-E06 spec.actions[0].exportParameters.frequency: a policy that runs @daily has nothing to "
         "export "
         "@hourly"},
        {"  frequency: '@daily'\n  actions: [{action: export, exportParameters: {profile: {name: p}, "
         "frequency: "
         "daily}}]\n",
         "POL-E06 spec.actions[0].exportParameters.frequency: there is no frequency 'daily' of exports"},
        {"  frequency: '@daily'\n  actions: [{action: export, exportParameters: {profile: {name: p}, "
         "retention: "
         "{daily: 0}}}]\n",
         "POL-E04 spec.actions[0].exportParameters.retention: this retention keeps nothing"},
        {"  frequency: '@daily'\n  actions: [{action: backup, backupParameters: {verify: full}}]\n",
         "POL-E07 spec.actions[0].backupParameters.verify: there is no way 'full' to verify; verify: "
         "restore"},
        {"  frequency: '@daily'\n  actions: [{action: backup, backupParameters: {verification: {}}}]\n",
         "POL-E07 spec.actions[0].backupParameters.verification: nothing is verified"},
        {"  frequency: '@daily'\n  actions: [{action: backup, backupParameters: {verify: restore, "
         "verification: {assertions: [{name: orders}]}}}]\n",
         "spec.actions[0].backupParameters.verification.assertions[0].sql"},
        {"  frequency: '@daily'\n  actions: [{action: backup, backupParameters: {verify: restore, "
         "verification: {assertions: [{sql: select 1, expects: 1}]}}}]\n",
         "did you mean 'expect'?"},
        {"  frequency: '@daily'\n  actions: [{action: backup, backupParameters: {verify: restore, "
         "verification: {assertions: [{sql: select 1, expect: [1]}]}}}]\n",
         "VER-E01 spec.actions[0].backupParameters.verification.assertions[0].expect: this is no text"},
        {std::string("  frequency: '@onDemand'\n  retention: {daily: 1}\n") + kBackup,
         "POL-E04 spec.retention: an @onDemand policy has no retention"},
        {"  frequency: '@daily'\n", "POL-E05 spec.actions: the policy has no actions"},
        {"  frequency: '@daily'\n  actions: [{action: report}]\n",
         "POL-E05 spec.actions[0].action: the action 'report' of Kasten's is not known here"},
        {"  frequency: '@daily'\n  actions: [{action: backups}]\n",
         "POL-E05 spec.actions[0].action: there is no action 'backups'; did you mean 'backup'?"},
        {std::string("  frequency: '@daily'\n  retension: {daily: 1}\n") + kBackup, "unknown-field"},
        {std::string("  frequency: '@daily'\n  colour: red\n") + kBackup,
         "unknown-field spec.colour: unknown field 'colour' in spec; there are comment, frequency"},
        {"  frequency: '@daily'\n  actions: [{action: backup, backupParameters: {imageRepoProfile: {name: "
         "p}}}]\n",
         "POL-E09 spec.actions[0].backupParameters.imageRepoProfile: 'imageRepoProfile' of Kasten's is not "
         "known here"},
        {"  frequency: '@daily'\n  actions: [{action: export, exportParameters: {profile: {name: p}, "
         "exportData: {enabled: true, overrides: []}}}]\n",
         "POL-E09 spec.actions[0].exportParameters.exportData.overrides"},
        {"  frequency: '@daily'\n  actions: [{action: export, exportParameters: {profile: {name: p}}}]\n",
         "POL-E08 spec.actions[0].action: there is no backup that would be exported"},
        {std::string("  frequency: '@daily'\n  selector: {virtualMachineRef: [{name: a}]}\n") + kBackup,
         "POL-E09 spec.selector.virtualMachineRef"},
        {std::string("  frequency: '@daily'\n  selector: {matchExpressions: [{key: tier, operator: Exists, "
                     "values: [x]}]}\n") +
             kBackup,
         "POL-E11 spec.selector.matchExpressions[0].operator: the operator 'Exists' of tier is not known"},
    };
    for (const auto& [spec, text] : rows) {
        CAPTURE(spec);
        const auto all = told(spec);
        CHECK_THAT(all, Catch::Matchers::Predicate<std::vector<std::string>>(
                            [&, expected = std::string(text)](const std::vector<std::string>& texts) {
                                for (const std::string& one : texts) {
                                    if (one.find(expected) != std::string::npos) return true;
                                }
                                return false;
                            },
                            std::string("has: ") + text));
    }
    CHECK(told(std::string("  frequency: '@onDemand'\n") + kBackup).empty());
}

TEST_CASE("a policy imports, and may restore what it imports, and does nothing else") {
    const std::string imports = "{action: import, importParameters: {profile: {name: offsite}}}";
    const auto wrong = [&](const std::string& actions, const std::string& more = "") {
        const auto all = told("  frequency: '@hourly'\n" + more + "  actions: [" + actions + "]\n");
        return all.empty() ? "" : all.front();
    };
    CHECK(wrong(imports).empty());
    CHECK(wrong(imports + ", {action: restore}").empty());
    CHECK(
        wrong(imports + ", {action: restore, restoreParameters: {targetNamespace: standby, dataOnly: true}}")
            .empty());
    for (const std::string member : {"instantRecovery", "targetVsphereStorage", "whatever"})
        CHECK(wrong(imports + ", {action: restore, restoreParameters: {" + member + ": {a: b}}}") ==
              "POL-E09 spec.actions[1].restoreParameters." + member + ": a restore knows no " + member +
                  " here; leave it out; docs/applications.md has what there is [POL-E09]");
    CHECK(wrong("{action: import}") ==
          "POL-E08 spec.actions[0].importParameters: the import has no profile: it says where from; profile: "
          "{name: offsite} [POL-E08]");
    CHECK_THAT(wrong("{action: import, importParameters: {profile: {name: p}, receiveString: abc}}"),
               Catch::StartsWith("POL-W01 spec.actions[0].importParameters.receiveString"));
    CHECK_THAT(wrong("{action: import, importParameters: {profile: {name: p}, application: shop}}"),
               Catch::StartsWith("unknown-field spec.actions[0].importParameters.application"));
    CHECK_THAT(wrong(imports + ", {action: backup}"),
               Catch::Contains("a policy that imports makes no restore points of its own: no 'backup'"));
    CHECK_THAT(wrong("{action: restore}, " + imports), Catch::Contains("nothing is imported before"));
    CHECK_THAT(wrong("{action: backup}, {action: restore}"), Catch::Contains("nothing is imported before"));
    CHECK_THAT(wrong(imports + ", " + imports), Catch::Contains("the policy has two actions 'import'"));
    CHECK_THAT(wrong(imports + ", {action: restore, restoreParameters: {subject: {name: a}}}"),
               Catch::Contains("'subject' is for the run of the policy to say"));
    CHECK_THAT(wrong(imports, "  selector: {matchLabels: {tier: gold}}\n"),
               Catch::Contains("only the application's name is known before it is imported"));
    CHECK_THAT(
        wrong(imports, "  enableStaggering: true\n  backupWindow: {start: {hour: 1}, end: {hour: 2}}\n"),
        Catch::Contains("an import has no applications to stagger"));
}

}  // namespace fencepost::model
