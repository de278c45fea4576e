#include "model/policy_preset.h"

#include <array>

#include "base/error.h"
#include "model/policy_parts.h"
#include "model/validate_parts.h"

namespace fencepost::model {
namespace {

constexpr std::array<const char*, 5> kSchedule{"frequency", "subFrequency", "backupWindow",
                                               "enableStaggering", "retention"};

// Where a member of the policy that a preset makes stands in the preset.
std::string place_in_preset(const std::string& pointer) {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kPlaces{
        {{"/spec/actions/0/backupParameters", "/spec/backup"},
         {"/spec/actions/1/exportParameters", "/spec/export"},
         {"/spec", "/spec/backup"}}};
    for (const auto& [ours, presets] : kPlaces) {
        if (pointer.starts_with(ours)) return std::string(presets) + pointer.substr(ours.size());
    }
    return pointer;
}

Value parameters_of(const Value& policy, const std::string& action) {
    for (const Value& one : policy.get("spec", "actions").list_or_empty()) {
        if (one["action"] == Value(action) && one[action + "Parameters"].is_map())
            return one[action + "Parameters"];
    }
    return Map{};
}

bool has_action(const Value& policy, const char* action) {
    for (const Value& one : policy.get("spec", "actions").list_or_empty()) {
        if (one["action"] == Value(action)) return true;
    }
    return false;
}

}  // namespace

std::string_view type_of_preset(const Value& preset) noexcept {
    if (!preset.get("spec", "backup").is_map()) return "unknown";
    return preset.get("spec", "export").is_map() ? "backup-export" : "backup";
}

void check_preset(const Value& preset, Problems& problems) {
    problems.only(preset, "", {"apiVersion", "kind", "metadata", "spec", "status"});
    const Value& spec = preset["spec"];
    if (!problems.check(spec, "/spec", Kind::kMap)) return;
    only_known(spec, "/spec", {"comment", "backup", "export", "createdBy", "modifiedBy", "lastModifyHash"},
               {}, problems);
    (void)problems.check(spec["comment"], "/spec/comment", Kind::kString);
    if (!spec["backup"].is_map()) {
        problems.error(spec["backup"].is_nil() ? "/spec" : "/spec/backup", "missing-field",
                       "the preset says nothing of a backup", "backup: {frequency: '@daily'}");
        return;
    }
    only_known(spec["backup"], "/spec/backup",
               {"frequency", "subFrequency", "backupWindow", "enableStaggering", "retention", "profile"}, {},
               problems);
    if (!problems.check(spec["export"], "/spec/export", Kind::kMap)) return;
    for (const char* member : {"hooks", "verify", "verification"}) {
        if (!spec["export"][member].is_nil())
            problems.at_key(Severity::kError, child("/spec/export", member), "unknown-field",
                            "'" + std::string(member) + "' is the policy's to say",
                            "move it to the policy's export");
    }
    Problems found;
    (void)Policy::read(with_preset(Value(Map{{"spec", Map{}}}), preset), found);
    for (Problem& problem : found.take()) {
        problem.pointer = place_in_preset(problem.pointer);
        problems.add(std::move(problem));
    }
}

Value with_preset(const Value& policy, const Value& preset) {
    const Value& backup = preset.get("spec", "backup");
    const Value& exports = preset.get("spec", "export");
    if (has_action(policy, "export") && !exports.is_map()) {
        throw Error(ErrorKind::kInvalid,
                    "the policy exports, and its PolicyPreset " +
                        preset.get("metadata", "name").string_or("") + " has no spec.export",
                    "leave the export out, or let the preset say where to");
    }
    Value made = policy;
    Value& spec = made["spec"];
    spec.erase("presetRef");
    for (const char* member : kSchedule) {
        if (!backup[member].is_nil()) spec[member] = backup[member];
    }
    Value backs_up = parameters_of(policy, "backup");
    if (!backup["profile"].is_nil()) backs_up["profile"] = backup["profile"];
    spec["actions"] = List{Value(Map{{"action", "backup"}, {"backupParameters", backs_up}})};
    if (!exports.is_map()) return made;
    Value sends = parameters_of(policy, "export");
    for (const auto& [key, value] : exports.as_map()) sends[key] = value;
    spec["actions"].push_back(Value(Map{{"action", "export"}, {"exportParameters", sends}}));
    return made;
}

}  // namespace fencepost::model
