#include "model/policy.h"

#include <algorithm>

#include "base/error.h"
#include "model/cron.h"

namespace fencepost::model {
namespace {

constexpr std::array<std::string_view, kTiers.size()> kNames{"hourly", "daily", "weekly", "monthly",
                                                             "yearly"};
constexpr std::array<std::string_view, 4> kActions{"backup", "export", "import", "restore"};

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
    problems.only(sub, pointer, {"minutes", "hours", "weekdays", "days", "months"});
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
    problems.only(time, pointer, {"hour", "minute"});
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
        problems.only(window, "/spec/backupWindow", {"start", "end"});
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

// Of the policy, or of its exports alone.
std::optional<Retention> read_retention(const Value& retention, const std::string& pointer,
                                        const Policy& policy, Problems& problems) {
    if (retention.is_nil() || !problems.check(retention, pointer, Kind::kMap)) return std::nullopt;
    problems.only(retention, pointer, {"hourly", "daily", "weekly", "monthly", "yearly"});
    if (policy.frequency == kOnDemand) {
        problems.error(pointer, "POL-E04", "an @onDemand policy has no retention",
                       "give its runs an expiresAt");
        return std::nullopt;
    }
    Retention counts{};
    const auto frequency = tier_of(policy.frequency);
    for (const Tier tier : kTiers) {
        const std::string place = child(pointer, to_string(tier));
        const Value& count = retention[to_string(tier)];
        if (count.is_nil()) continue;
        if (count.kind() != Kind::kInt || count.int_or(-1) < 0) {
            problems.error(place, "POL-E04", "this is no number of restore points");
        } else if (frequency && tier < *frequency) {
            problems.error(place, "POL-E04",
                           "a policy that runs " + policy.frequency + " makes no " +
                               std::string(to_string(tier)) + " restore points");
        } else {
            counts[static_cast<std::size_t>(tier)] = count.int_or(0);
        }
    }
    if (std::all_of(counts.begin(), counts.end(), [](std::int64_t count) { return count == 0; }))
        problems.error(pointer, "POL-E04",
                       "this retention keeps nothing: each run would delete its own result");
    return counts;
}

void read_export(const std::string& pointer, const Policy& policy, PolicyAction& action, Problems& problems) {
    const Value& parameters = action.parameters;
    if (!problems.check(parameters, pointer, Kind::kMap)) return;
    problems.only(parameters, pointer,
                  {"frequency", "profile", "retention", "hooks", "exportData", "verify", "verification"});
    if (parameters.get("profile", "name").string_or("").empty())
        problems.error(pointer, "POL-E06", "the export has no profile: it says where to",
                       "profile: {name: offsite}");
    if (!parameters.get("exportData", "enabled").bool_or(true))
        problems.error(child(pointer, "exportData"), "POL-E06",
                       "an export without the data is not known here", "leave exportData out");
    action.retention = read_retention(parameters["retention"], child(pointer, "retention"), policy, problems);
    const Value& frequency = parameters["frequency"];
    if (!problems.check(frequency, child(pointer, "frequency"), Kind::kString) || frequency.is_nil()) return;
    action.frequency = tier_of(frequency.as_string());
    const auto runs = tier_of(policy.frequency);
    if (!action.frequency)
        problems.error(child(pointer, "frequency"), "POL-E06",
                       "there is no frequency '" + frequency.as_string() + "' of exports",
                       "it is @hourly to @yearly; without one each backup is exported");
    else if (runs && *action.frequency < *runs)
        problems.error(
            child(pointer, "frequency"), "POL-E06",
            "a policy that runs " + policy.frequency + " has nothing to export " + frequency.as_string());
}

// The restore point that the action makes is to be restored, to see that it can be.
void read_verification(const std::string& pointer, PolicyAction& action, Problems& problems) {
    const Value& parameters = action.parameters;
    const Value& verify = parameters["verify"];
    if (!problems.check(verify, child(pointer, "verify"), Kind::kString)) return;
    if (verify.is_nil()) {
        if (!parameters["verification"].is_nil())
            problems.error(child(pointer, "verification"), "POL-E07",
                           "nothing is verified, so this says nothing", "verify: restore");
        return;
    }
    if (verify != Value("restore")) {
        problems.error(child(pointer, "verify"), "POL-E07",
                       "there is no way '" + verify.as_string() + "' to verify", "verify: restore");
        return;
    }
    action.verification =
        Verification::read(parameters["verification"], child(pointer, "verification"), problems);
}

void read_actions(const Value& spec, Policy& policy, Problems& problems) {
    const std::string pointer = "/spec/actions";
    if (!problems.check(spec["actions"], pointer, Kind::kList)) return;
    const List& actions = spec["actions"].list_or_empty();
    if (actions.empty()) problems.error(pointer, "POL-E05", "the policy has no actions", "- action: backup");
    for (std::size_t i = 0; i < actions.size(); ++i) {
        const std::string place = child(pointer, i);
        if (!problems.check(actions[i], place, Kind::kMap)) continue;
        const std::string action = actions[i]["action"].string_or("");
        if (std::find(kActions.begin(), kActions.end(), action) == kActions.end()) {
            const std::string near = nearest(action, {"backup", "export", "import", "restore"});
            problems.error(
                child(place, "action"), "POL-E05", "there is no action '" + action + "'",
                near.empty() ? "it is backup, export, import or restore" : "did you mean '" + near + "'?");
            continue;
        }
        const std::string parameters = action + "Parameters";
        problems.only(actions[i], place, {"action", parameters});
        policy.actions.push_back({action, actions[i][parameters]});
        if (action == "export")
            read_export(child(place, parameters), policy, policy.actions.back(), problems);
        if (action == "backup" || action == "export")
            read_verification(child(place, parameters), policy.actions.back(), problems);
    }
}

}  // namespace

std::string_view to_string(Tier tier) noexcept { return kNames[static_cast<std::size_t>(tier)]; }

std::optional<Tier> tier_of(std::string_view frequency) noexcept {
    for (const Tier tier : kTiers) {
        if (frequency.starts_with('@') && frequency.substr(1) == to_string(tier)) return tier;
    }
    return std::nullopt;
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
    problems.only(
        spec, "/spec",
        {"comment", "frequency", "subFrequency", "backupWindow", "enableStaggering", "paused", "retention",
         "presetRef", "selector", "actions", "createdBy", "modifiedBy", "lastModifyHash"});
    read_frequency(spec, policy, problems);
    read_sub_frequency(spec, policy, problems);
    read_window(spec, policy, problems);
    if (problems.check(spec["paused"], "/spec/paused", Kind::kBool))
        policy.is_paused = spec["paused"].bool_or(false);
    policy.retention = read_retention(spec["retention"], "/spec/retention", policy, problems);
    if (problems.check(spec["selector"], "/spec/selector", Kind::kMap)) policy.selector = spec["selector"];
    read_actions(spec, policy, problems);
    return policy;
}

Policy Policy::from(const Value& object) {
    Problems problems;
    Policy policy = read(object, problems);
    problems.throw_errors("Policy " + policy.name);
    return policy;
}

}  // namespace fencepost::model
