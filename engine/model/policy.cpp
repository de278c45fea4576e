#include "model/policy.h"

#include <algorithm>

#include "base/error.h"
#include "model/cron.h"
#include "model/policy_parts.h"

namespace fencepost::model {
namespace {

constexpr std::array<std::string_view, kTiers.size()> kNames{"hourly", "daily", "weekly", "monthly",
                                                             "yearly"};

// One list of subFrequency: what it may hold, and the frequency that may have several.
struct Part {
    const char* member;
    std::vector<int> SubFrequency::* values;
    int first, last;
    Tier frequency;
};
constexpr std::array<Part, 5> kParts{{{"minutes", &SubFrequency::minutes, 0, 59, Tier::kHourly},
                                      {"hours", &SubFrequency::hours, 0, 23, Tier::kDaily},
                                      {"weekdays", &SubFrequency::weekdays, 0, 7, Tier::kWeekly},
                                      {"days", &SubFrequency::days, 1, 31, Tier::kMonthly},
                                      {"months", &SubFrequency::months, 1, 12, Tier::kYearly}}};

void read_frequency(const Value& spec, Policy& policy, Problems& problems) {
    const std::string pointer = "/spec/frequency";
    if (!problems.require_text(spec["frequency"], pointer, "the policy's frequency")) return;
    policy.frequency = spec["frequency"].as_string();
    if (tier_of(policy.frequency) || policy.frequency == kOnDemand) return;
    if (policy.frequency.starts_with('@')) {
        const std::string near =
            nearest(policy.frequency, {"@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@onDemand"});
        problems.error(pointer, "POL-E01", "there is no frequency '" + policy.frequency + "'",
                       near.empty() ? "it is @hourly to @yearly, @onDemand, or a cron expression"
                                    : "did you mean '" + near + "'?");
        return;
    }
    try {
        (void)Cron::parse(policy.frequency);
    } catch (const Error& e) {
        problems.error(pointer, "POL-E01", e.message(), e.hint());
    }
}

void read_sub_frequency(const Value& spec, Policy& policy, Problems& problems) {
    const std::string pointer = "/spec/subFrequency";
    const Value& sub = spec["subFrequency"];
    if (sub.is_nil() || !problems.check(sub, pointer, Kind::kMap)) return;
    only_known(sub, pointer, {"minutes", "hours", "weekdays", "days", "months"}, {}, problems);
    const auto tier = tier_of(policy.frequency);
    if (!tier) {
        problems.error(pointer, "POL-E02", "only @hourly to @yearly have a subFrequency",
                       "a cron expression says all of it itself");
        return;
    }
    for (const Part& part : kParts) {
        const std::string place = child(pointer, part.member);
        if (!problems.check(sub[part.member], place, Kind::kList)) continue;
        const List& values = sub[part.member].list_or_empty();
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::int64_t value = values[i].int_or(-1);
            if (values[i].kind() != Kind::kInt || value < part.first || value > part.last) {
                problems.error(child(place, i), "POL-E02",
                               "this is no number of " + std::to_string(part.first) + " to " +
                                   std::to_string(part.last));
                continue;
            }
            (policy.sub_frequency.*part.values).push_back(static_cast<int>(value));
        }
        if (values.size() > 1 && part.frequency != *tier) {
            problems.error(place, "POL-E02",
                           "several " + std::string(part.member) + " need the frequency @" +
                               std::string(to_string(part.frequency)),
                           "leave one: the run that counts for the longer periods too");
        }
    }
}

std::optional<int> read_time(const Value& window, const char* member, Problems& problems) {
    const std::string pointer = child("/spec/backupWindow", member);
    const Value& time = window[member];
    if (!time.is_map()) {
        problems.error(pointer, "POL-E03", "the window has no " + std::string(member),
                       "start: {hour: 22, minute: 0}");
        return std::nullopt;
    }
    only_known(time, pointer, {"hour", "minute"}, {}, problems);
    const std::int64_t hour = time["hour"].int_or(-1);
    const std::int64_t minute = time["minute"].is_nil() ? 0 : time["minute"].int_or(-1);
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) {
        problems.error(pointer, "POL-E03", "this is no time of day", "hour is 0 to 23, minute 0 to 59; UTC");
        return std::nullopt;
    }
    return static_cast<int>(hour * 60 + minute);
}

void read_window(const Value& spec, Policy& policy, Problems& problems) {
    const Value& window = spec["backupWindow"];
    if (!window.is_nil() && problems.check(window, "/spec/backupWindow", Kind::kMap)) {
        only_known(window, "/spec/backupWindow", {"start", "end"}, {}, problems);
        const auto start = read_time(window, "start", problems);
        const auto end = read_time(window, "end", problems);
        if (start && end) policy.window = BackupWindow{*start, *end};
    }
    if (problems.check(spec["enableStaggering"], "/spec/enableStaggering", Kind::kBool))
        policy.is_staggered = spec["enableStaggering"].bool_or(false);
    if (policy.is_staggered && window.is_nil())
        problems.error("/spec/enableStaggering", "POL-E03",
                       "staggering needs a backupWindow to spread runs over");
}

// Which one; what it says is not known here.
void read_preset(const Value& spec, Policy& policy, Problems& problems) {
    const std::string pointer = "/spec/presetRef";
    const Value& reference = spec["presetRef"];
    if (reference.is_nil() || !problems.check(reference, pointer, Kind::kMap)) return;
    only_known(reference, pointer, {"name", "namespace"}, {}, problems);
    (void)problems.require_text(reference["name"], child(pointer, "name"), "the preset's name");
    (void)problems.check(reference["namespace"], child(pointer, "namespace"), Kind::kString);
    policy.preset = {reference["name"].string_or(""), reference["namespace"].string_or(policy.ns)};
    refuse_beside_preset(spec, "/spec",
                         {"frequency", "subFrequency", "backupWindow", "enableStaggering", "retention"},
                         problems);
}

void read_schedule(const Value& spec, Policy& policy, Problems& problems) {
    read_frequency(spec, policy, problems);
    read_sub_frequency(spec, policy, problems);
    read_window(spec, policy, problems);
    policy.retention = read_retention(spec["retention"], "/spec/retention", policy, problems);
}

}  // namespace

std::string_view to_string(Tier tier) noexcept { return kNames[static_cast<std::size_t>(tier)]; }

std::optional<Tier> tier_of(std::string_view frequency) noexcept {
    for (const Tier tier : kTiers) {
        if (frequency.starts_with('@') && frequency.substr(1) == to_string(tier)) return tier;
    }
    return std::nullopt;
}

const PolicyAction* Policy::find(std::string_view action) const noexcept {
    const auto found = std::find_if(actions.begin(), actions.end(),
                                    [&](const PolicyAction& one) { return one.action == action; });
    return found == actions.end() ? nullptr : &*found;
}

Policy Policy::read(const Value& object, Problems& problems) {
    Policy policy;
    const Value& metadata = object["metadata"];
    policy.name = metadata["name"].string_or("");
    policy.ns = metadata["namespace"].string_or("");
    policy.uid = metadata["uid"].string_or("");
    policy.generation = metadata["generation"].int_or(0);
    const Value& spec = object["spec"];
    problems.only(object, "", {"apiVersion", "kind", "metadata", "spec", "status"});
    if (!problems.check(spec, "/spec", Kind::kMap)) return policy;
    only_known(spec, "/spec",
               {"comment", "frequency", "subFrequency", "backupWindow", "enableStaggering", "paused",
                "retention", "presetRef", "selector", "actions", "createdBy", "modifiedBy", "lastModifyHash"},
               {}, problems);
    (void)problems.check(spec["comment"], "/spec/comment", Kind::kString);
    read_preset(spec, policy, problems);
    if (!policy.preset) read_schedule(spec, policy, problems);
    if (problems.check(spec["paused"], "/spec/paused", Kind::kBool))
        policy.is_paused = spec["paused"].bool_or(false);
    read_actions(spec, policy, problems);
    read_selector(spec, policy, problems);
    return policy;
}

Policy Policy::from(const Value& object) {
    Problems problems;
    Policy policy = read(object, problems);
    problems.throw_errors("Policy " + policy.name);
    return policy;
}

}  // namespace fencepost::model
