#include "model/policy_preset.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "value/yaml.h"

namespace fencepost::model {
namespace {

constexpr const char* kGold =
    "metadata: {name: gold}\nspec: {backup: {frequency: '@daily', subFrequency: {hours: [3]}, retention: "
    "{daily: 7}, profile: {name: store}}, export: {frequency: '@weekly', profile: {name: offsite}, "
    "retention: "
    "{weekly: 4}}}";

Value gold() { return parse_yaml_value(kGold); }

Value policy_of(const std::string& more) {
    return parse_yaml_value("metadata: {name: shop, namespace: default}\nspec:\n  presetRef: {name: gold}\n" +
                            more);
}

std::vector<std::string> told(const Value& object, void (*check)(const Value&, Problems&)) {
    Problems problems;
    check(object, problems);
    std::vector<std::string> texts;
    for (const Problem& problem : problems.all()) texts.push_back(to_text(problem));
    return texts;
}

void check_policy(const Value& object, Problems& problems) { (void)Policy::read(object, problems); }

}  // namespace

TEST_CASE("a preset says when, where to and for how long; the policy says what") {
    const Value object = policy_of(
        "  selector: {matchLabels: {tier: gold}}\n  actions:\n  - {action: backup, backupParameters: "
        "{filters: "
        "{includeResources: [{}]}}}\n");
    CHECK(told(object, check_policy).empty());
    CHECK(told(gold(), check_preset).empty());
    Problems none;
    const Policy alone = Policy::read(object, none);
    REQUIRE(alone.preset);
    CHECK(alone.preset->name == "gold");
    CHECK(alone.preset->ns == "default");

    const Policy policy = Policy::from(with_preset(object, gold()));
    CHECK(!policy.preset);
    CHECK(policy.frequency == "@daily");
    CHECK(policy.sub_frequency.hours == std::vector<int>{3});
    CHECK(policy.retention == Retention{0, 7, 0, 0, 0});
    REQUIRE(policy.actions.size() == 2);
    CHECK(policy.actions[0].parameters.get("profile", "name") == Value("store"));
    CHECK(policy.actions[0].parameters.get("filters", "includeResources").is_list());
    CHECK(policy.actions[1].frequency == Tier::kWeekly);
    CHECK(policy.actions[1].retention == Retention{0, 0, 4, 0, 0});

    // What the policy says of an export goes with what the preset says.
    const Value verifies =
        policy_of("  actions: [{action: backup}, {action: export, exportParameters: {verify: restore}}]\n");
    CHECK(told(verifies, check_policy).empty());
    CHECK(Policy::from(with_preset(verifies, gold())).actions[1].verification);
}

TEST_CASE("a preset's type is what it says something of") {
    CHECK(type_of_preset(gold()) == "backup-export");
    CHECK(type_of_preset(parse_yaml_value("spec: {backup: {frequency: '@daily'}}")) == "backup");
    CHECK(type_of_preset(parse_yaml_value("spec: {}")) == "unknown");
}

TEST_CASE("what is said twice, or nowhere, is refused") {
    const auto first = [](const std::vector<std::string>& texts) {
        return texts.empty() ? "" : texts.front();
    };
    const auto wrong = [&](const std::string& more) { return first(told(policy_of(more), check_policy)); };
    CHECK(wrong("  frequency: '@daily'\n  actions: [{action: backup}]\n") ==
          "spec.frequency: a policy with a presetRef has no 'frequency': its preset says it; leave it out, "
          "or the "
          "presetRef [POL-E10]");
    CHECK_THAT(wrong("  retention: {daily: 1}\n  actions: [{action: backup}]\n"),
               Catch::StartsWith("spec.retention: a policy with a presetRef"));
    CHECK_THAT(wrong("  actions: [{action: backup, backupParameters: {profile: {name: p}}}]\n"),
               Catch::StartsWith("spec.actions[0].backupParameters.profile: a policy with a presetRef"));
    CHECK_THAT(
        wrong("  actions: [{action: backup}, {action: export, exportParameters: {frequency: '@weekly'}}]\n"),
        Catch::StartsWith("spec.actions[1].exportParameters.frequency: a policy with a presetRef"));
    CHECK_THAT(wrong("  actions: [{action: import, importParameters: {profile: {name: p}}}]\n"),
               Catch::Contains("presets are for backups and exports"));
    CHECK_THROWS_WITH(
        with_preset(policy_of("  actions: [{action: backup}, {action: export}]\n"),
                    parse_yaml_value("metadata: {name: gold}\nspec: {backup: {frequency: '@daily'}}")),
        Catch::Contains("the policy exports, and its PolicyPreset gold has no spec.export"));
}

TEST_CASE("what is wrong with a preset is told at its place in the preset") {
    const std::pair<const char*, const char*> rows[] = {
        {"{}", "spec: the preset says nothing of a backup"},
        {"{backup: {frequency: '@dayly'}}", "spec.backup.frequency: there is no frequency '@dayly'"},
        {"{backup: {retention: {daily: 1}}}", "spec.backup.frequency"},
        {"{backup: {frequency: '@daily', retention: {hourly: 1}}}", "spec.backup.retention.hourly"},
        {"{backup: {frequency: '@daily', filters: {}}}", "spec.backup.filters: unknown field 'filters'"},
        {"{backup: {frequency: '@daily'}, export: {}}", "spec.export: the export has no profile"},
        {"{backup: {frequency: '@daily'}, export: {profile: {name: p}, frequency: '@hourly'}}",
         "spec.export.frequency: a policy that runs @daily has nothing to export @hourly"},
        {"{backup: {frequency: '@daily'}, export: {profile: {name: p}, hooks: {}}}",
         "spec.export.hooks: 'hooks' is the policy's to say"},
        {"{backup: {frequency: '@daily'}, exports: {}}", "spec.exports: unknown field 'exports'"}};
    for (const auto& [spec, text] : rows) {
        CAPTURE(spec);
        const auto texts =
            told(parse_yaml_value("metadata: {name: gold}\nspec: " + std::string(spec)), check_preset);
        REQUIRE(!texts.empty());
        CHECK_THAT(texts.front(), Catch::StartsWith(text));
    }
}

}  // namespace fencepost::model
