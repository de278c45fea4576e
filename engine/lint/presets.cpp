// Policies, and the PolicyPresets beside them that they name.
#include <map>

#include "base/error.h"
#include "lint/rule_set.h"
#include "model/policy_preset.h"

namespace fencepost::lint {
namespace {

constexpr const char* kReference = "/spec/presetRef";

std::string namespace_of(const Value& object) { return object.get("metadata", "namespace").string_or(""); }

// What is wrong with the policy that the two make, beyond what is wrong with each of them.
void check_together(Document& policy, const Value& preset) {
    try {
        model::Problems problems;
        (void)model::Policy::read(model::with_preset(policy.object(), preset), problems);
        for (const model::Problem& problem : problems.all()) {
            if (problem.severity == model::Severity::kError)
                policy.problems.error(kReference, "POL-E12",
                                      "with its preset the policy is wrong: " + to_text(problem));
        }
    } catch (const Error& e) {
        policy.problems.error(kReference, "POL-E12", e.message(), e.hint());
    }
}

}  // namespace

void check_presets(std::span<Document> documents) {
    std::map<std::string, const Document*> presets;
    std::vector<std::string> names;
    for (const Document& document : documents) {
        if (document.kind() != "PolicyPreset") continue;
        names.push_back(document.object().get("metadata", "name").string_or(""));
        presets[names.back()] = &document;
    }
    if (presets.empty()) return;  // they are in the cluster
    for (Document& document : documents) {
        if (document.kind() != "Policy" || model::has_errors(document.problems.all())) continue;
        model::Problems unused;  // validate has told them
        const auto reference = model::Policy::read(document.object(), unused).preset;
        if (!reference) continue;
        const auto found = presets.find(reference->name);
        if (found == presets.end()) {
            // It may be in the cluster: only what looks like one that is here is surely a slip.
            const std::string near = model::nearest(reference->name, names);
            if (!near.empty())
                document.problems.error("/spec/presetRef/name", "POL-E12",
                                        "there is no preset '" + reference->name + "' here",
                                        "did you mean '" + near + "'?");
            continue;
        }
        const std::string ns = namespace_of(found->second->object());
        if (!ns.empty() && !reference->ns.empty() && ns != reference->ns)
            document.problems.error(kReference, "POL-E12",
                                    "the preset '" + reference->name + "' is in the namespace '" + ns + "'");
        if (!model::has_errors(found->second->problems.all()))
            check_together(document, found->second->object());
    }
}

}  // namespace fencepost::lint
