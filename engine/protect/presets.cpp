#include "protect/presets.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "base/human.h"
#include "cluster/idempotent.h"
#include "model/policy_preset.h"
#include "value/json.h"

namespace fencepost::protect {

namespace types = cluster::types;

namespace {

std::vector<std::string> errors_of(const Value& preset) {
    model::Problems problems;
    model::check_preset(preset, problems);
    std::vector<std::string> errors;
    for (const model::Problem& problem : problems.all()) {
        if (problem.severity == model::Severity::kError) errors.push_back(to_text(problem));
    }
    return errors;
}

}  // namespace

Value as_preset(run::World& world, const Value& policy) {
    model::Problems problems;
    const auto reference = model::Policy::read(policy, problems).preset;
    if (!reference || model::has_errors(problems.all())) return policy;
    const std::string name = reference->ns + "/" + reference->name;
    const auto preset =
        cluster::find_object(world.cluster, {types::kPolicyPresets, reference->ns, reference->name});
    if (!preset) {
        throw Error(ErrorKind::kFailedPrecondition,
                    "there is no PolicyPreset " + name + ", which the policy is run by",
                    "make it again; until then nothing is backed up, and nothing is retired");
    }
    if (const auto errors = errors_of(*preset); !errors.empty())
        throw Error(ErrorKind::kInvalid, "the PolicyPreset " + name + " is wrong: " + joined(errors, "; "));
    return model::with_preset(policy, *preset);
}

void look_at_presets(run::World& world) {
    const auto& type = types::kPolicyPresets;
    // Of a cluster whose administrator has not installed the type there are none.
    if (!world.cluster.find_type(type.group, type.version, "PolicyPreset")) return;
    for (const Value& preset : world.cluster.list(type).items) {
        const std::vector<std::string> errors = errors_of(preset);
        Value told;
        told["validation"] = errors.empty() ? "Success" : "Failed";
        told["error"] = errors.empty() ? Value() : Value(List(errors.begin(), errors.end()));
        told["type"] = model::type_of_preset(preset);
        told["hash"] = sha256_hex(to_json(preset["spec"]));
        tell(world, {types::kPolicyPresets, cluster::namespace_of(preset), cluster::name_of(preset)},
             preset["status"], told);
    }
}

void tell(run::World& world, const cluster::ObjectKey& key, const Value& status, const Value& told) {
    const Map& members = told.as_map();
    const bool is_told = std::all_of(members.begin(), members.end(), [&](const Member& member) {
        return status[member.key] == member.value;
    });
    if (is_told) return;
    Value patch;
    patch["status"] = told;
    try {
        (void)world.cluster.patch(key, cluster::PatchType::kMerge, patch, {.field_manager = "fencepost"});
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound) throw;  // it was deleted meanwhile
    }
}

}  // namespace fencepost::protect
