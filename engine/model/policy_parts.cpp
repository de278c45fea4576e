#include "model/policy_parts.h"

#include <algorithm>
#include <array>
#include <utility>

#include "model/restore_fields.h"
#include "model/validate_parts.h"

namespace fencepost::model {

std::optional<Retention> read_retention(const Value& retention, const std::string& pointer,
                                        const Policy& policy, Problems& problems) {
    if (retention.is_nil() || !problems.check(retention, pointer, Kind::kMap)) return std::nullopt;
    only_known(retention, pointer, {"hourly", "daily", "weekly", "monthly", "yearly"}, {}, problems);
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

namespace {

constexpr std::array<std::string_view, 4> kActions{"backup", "export", "import", "restore"};
constexpr std::string_view kNameKey = "k10.kasten.io/appNamespace";

// Kasten wants one to find an export; here the profile leads to it.
void not_needed(const Value& parameters, const std::string& pointer, const char* member, Problems& problems) {
    if (parameters[member].is_nil()) return;
    problems.at_key(
        Severity::kWarning, child(pointer, member), "POL-W01",
        "'" + std::string(member) + "' of Kasten's is not read: the profile leads to what is exported",
        "leave it out");
}

void read_export_data(const Value& data, const std::string& pointer, Problems& problems) {
    if (data.is_nil() || !problems.check(data, pointer, Kind::kMap)) return;
    only_known(data, pointer, {"enabled"}, {"exporterStorageClassName", "overrides"}, problems);
    if (!problems.check(data["enabled"], child(pointer, "enabled"), Kind::kBool)) return;
    if (!data["enabled"].bool_or(true))
        problems.error(child(pointer, "enabled"), "POL-E06", "an export without the data is not known here",
                       "leave exportData out");
}

void read_backup(const std::string& pointer, const Policy& policy, const Value& parameters,
                 Problems& problems) {
    if (!problems.check(parameters, pointer, Kind::kMap)) return;
    only_known(parameters, pointer,
               {"filters", "profile", "ignoreExceptions", "hooks", "verify", "verification"},
               {"imageRepoProfile"}, problems);
    if (policy.preset) refuse_beside_preset(parameters, pointer, {"profile"}, problems);
}

void read_export(const std::string& pointer, const Policy& policy, PolicyAction& action, Problems& problems) {
    const Value& parameters = action.parameters;
    if (!problems.check(parameters, pointer, Kind::kMap)) return;
    only_known(parameters, pointer,
               {"frequency", "profile", "retention", "hooks", "exportData", "receiveString", "migrationToken",
                "verify", "verification"},
               {"blockModeProfile", "volumeSnapshots"}, problems);
    for (const char* member : {"receiveString", "migrationToken"})
        not_needed(parameters, pointer, member, problems);
    read_export_data(parameters["exportData"], child(pointer, "exportData"), problems);
    if (policy.preset)
        return refuse_beside_preset(parameters, pointer, {"profile", "frequency", "retention"}, problems);
    if (parameters.get("profile", "name").string_or("").empty())
        problems.error(pointer, "POL-E06", "the export has no profile: it says where to",
                       "profile: {name: offsite}");
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

void read_import(const std::string& pointer, const Value& parameters, Problems& problems) {
    if (!problems.check(parameters, pointer, Kind::kMap)) return;
    only_known(parameters, pointer, {"profile", "receiveString", "trustedKey"}, {}, problems);
    not_needed(parameters, pointer, "receiveString", problems);
    (void)problems.check(parameters["trustedKey"], child(pointer, "trustedKey"), Kind::kString);
    if (parameters.get("profile", "name").string_or("").empty())
        problems.error(pointer, "POL-E08", "the import has no profile: it says where from",
                       "profile: {name: offsite}");
}

// What the fields hold is the RestoreAction's to know.
void read_restore(const std::string& pointer, const Value& parameters, Problems& problems) {
    if (!problems.check(parameters, pointer, Kind::kMap)) return;
    (void)problems.check(parameters["targetNamespace"], child(pointer, "targetNamespace"), Kind::kString);
    for (const char* member : {"subject", "cancel", "scratch"}) {
        if (!parameters[member].is_nil())
            problems.at_key(Severity::kError, child(pointer, member), "POL-E08",
                            "'" + std::string(member) + "' is for the run of the policy to say",
                            "leave it out");
    }
    refuse_other_restore_fields(parameters, pointer, "POL-E09", problems);
}

void read_parameters(const std::string& pointer, const Policy& policy, PolicyAction& action,
                     Problems& problems) {
    if (action.action == "backup") read_backup(pointer, policy, action.parameters, problems);
    if (action.action == "export") read_export(pointer, policy, action, problems);
    if (action.action == "import") read_import(pointer, action.parameters, problems);
    if (action.action == "restore") read_restore(pointer, action.parameters, problems);
    if (action.action == "backup" || action.action == "export") read_verification(pointer, action, problems);
}

// A policy makes restore points, or takes those of another installation: which of them would a retention be
// about otherwise?
void check_order(const Policy& policy, const std::string& pointer, Problems& problems) {
    const bool imports = policy.find("import") != nullptr;
    for (std::size_t i = 0; i < policy.actions.size(); ++i) {
        const PolicyAction& action = policy.actions[i];
        const std::string place = child(child(pointer, i), "action");
        const auto twice = [&](const PolicyAction& other) { return other.action == action.action; };
        if (action.action != "export" &&
            std::any_of(policy.actions.begin(), policy.actions.begin() + static_cast<std::ptrdiff_t>(i),
                        twice))
            problems.error(place, "POL-E08", "the policy has two actions '" + action.action + "'",
                           "leave one");
        if (imports && (action.action == "backup" || action.action == "export"))
            problems.error(
                place, "POL-E08",
                "a policy that imports makes no restore points of its own: no '" + action.action + "'",
                "make another policy for it");
        if (action.action == "restore" && (i == 0 || policy.actions[i - 1].action != "import"))
            problems.error(place, "POL-E08",
                           "a policy restores what it has imported: nothing is imported before",
                           "- action: import");
        if (action.action == "export" && !imports && policy.find("backup") == nullptr)
            problems.error(place, "POL-E08", "there is no backup that would be exported", "- action: backup");
    }
    if (!imports) return;
    if (policy.preset)
        problems.error("/spec/presetRef", "POL-E08", "presets are for backups and exports, not for imports",
                       "give the policy a frequency");
    if (policy.is_staggered)
        problems.error("/spec/enableStaggering", "POL-E08", "an import has no applications to stagger");
}

void check_expression(const Value& expression, const std::string& pointer, bool imports, Problems& problems) {
    if (!problems.check(expression, pointer, Kind::kMap)) return;
    only_known(expression, pointer, {"key", "operator", "values"}, {}, problems);
    const std::string key = expression["key"].string_or(""), op = expression["operator"].string_or("");
    if (imports && key != kNameKey)
        problems.error(child(pointer, "key"), "POL-E08",
                       "of what is at a location only the application's name is known before it is imported",
                       "key: " + std::string(kNameKey));
    if (op != "In" && (op != "NotIn" || key != kNameKey))
        problems.error(child(pointer, "operator"), "POL-E11",
                       "the operator '" + op + "' of " + key + " is not known",
                       "In; and NotIn of " + std::string(kNameKey));
    problems.texts(expression["values"], child(pointer, "values"));
    if (expression["values"].list_or_empty().empty())
        problems.error(pointer, "POL-E11", key + " has no values", "values: [shop]");
}

}  // namespace

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
            problems.error(child(place, "action"), "POL-E05",
                           action == "report" ? "the action 'report' of Kasten's is not known here"
                                              : "there is no action '" + action + "'",
                           hint_among(action, {kActions.begin(), kActions.end()}));
            continue;
        }
        const std::string parameters = action + "Parameters";
        only_known(actions[i], place, {"action", parameters}, {}, problems);
        policy.actions.push_back({action, actions[i][parameters]});
        read_parameters(child(place, parameters), policy, policy.actions.back(), problems);
    }
    check_order(policy, pointer, problems);
}

void read_selector(const Value& spec, Policy& policy, Problems& problems) {
    const std::string pointer = "/spec/selector";
    if (!problems.check(spec["selector"], pointer, Kind::kMap)) return;
    policy.selector = spec["selector"];
    only_known(policy.selector, pointer, {"matchExpressions", "matchLabels"}, {"virtualMachineRef"},
               problems);
    const bool imports = policy.find("import") != nullptr;
    const Value& labels = std::as_const(policy.selector)["matchLabels"];
    problems.text_map(labels, child(pointer, "matchLabels"));
    if (imports && !labels.is_nil())
        problems.error(
            child(pointer, "matchLabels"), "POL-E08",
            "of what is at a location only the application's name is known before it is imported",
            "matchExpressions: [{key: " + std::string(kNameKey) + ", operator: In, values: [shop]}]");
    const std::string terms = child(pointer, "matchExpressions");
    const Value& expressions = std::as_const(policy.selector)["matchExpressions"];
    if (!problems.check(expressions, terms, Kind::kList)) return;
    for (std::size_t i = 0; i < expressions.list_or_empty().size(); ++i)
        check_expression(expressions.as_list()[i], child(terms, i), imports, problems);
}

void only_known(const Value& map, const std::string& pointer, std::initializer_list<std::string_view> known,
                std::initializer_list<std::string_view> of_kasten, Problems& problems) {
    const std::vector<std::string> names(known.begin(), known.end());
    for (const auto& [key, value] : map.map_or_empty()) {
        if (std::find(names.begin(), names.end(), key) != names.end()) continue;
        if (std::find(of_kasten.begin(), of_kasten.end(), key) != of_kasten.end()) {
            problems.at_key(Severity::kError, child(pointer, key), "POL-E09",
                            "'" + key + "' of Kasten's is not known here", "leave it out");
            continue;
        }
        const std::string near = nearest(key, names);
        problems.at_key(Severity::kError, child(pointer, key), "unknown-field",
                        "unknown field '" + key + "' in " + to_path(pointer), hint_among(key, names));
        if (!near.empty() && map.find(near) == nullptr) problems.fix_last(key, near);
    }
}

void refuse_beside_preset(const Value& map, const std::string& pointer,
                          std::initializer_list<const char*> members, Problems& problems) {
    for (const char* member : members) {
        if (map[member].is_nil()) continue;
        problems.at_key(Severity::kError, child(pointer, member), "POL-E10",
                        "a policy with a presetRef has no '" + std::string(member) + "': its preset says it",
                        "leave it out, or the presetRef");
    }
}

}  // namespace fencepost::model
