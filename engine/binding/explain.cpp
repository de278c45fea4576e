#include "binding/explain.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "binding/index.h"
#include "binding/matcher.h"
#include "binding/ownership.h"
#include "binding/resolve.h"
#include "cluster/idempotent.h"

namespace fencepost::binding {
namespace {

using model::Requirement;

void explain_items(const std::vector<Requirement>& requirements, std::string_view list,
                   const Subject& subject, Value& items) {
    for (const Requirement& requirement : requirements) {
        Value item;
        item["list"] = list;
        item["index"] = static_cast<std::int64_t>(requirement.index);
        item["key"] = std::string(to_string(requirement.subject)) +
                      (requirement.key.empty() ? "" : " " + requirement.key);
        item["operator"] = to_string(requirement.op);
        item["expected"] = expected_of(requirement);
        if (Value observed = observed_of(requirement, subject); !observed.is_nil()) {
            item["observed"] = std::move(observed);
        }
        item["result"] = holds(requirement, subject);
        items.push_back(std::move(item));
    }
}

std::string note_of(const Candidate& candidate) {
    std::string note = candidate.binding.is_disabled ? "disabled" : "";
    for (const auto& problem : candidate.problems) {
        if (problem.severity == model::Severity::kError)
            note += (note.empty() ? "invalid: " : "; ") + to_text(problem);
    }
    return note;
}

// The names of the actions that a run of the lifecycle would call, in its order.
std::vector<std::string> called_actions(cluster::Cluster& cluster, const std::string& ns,
                                        const std::string& name) {
    std::vector<std::string> called;
    const auto blueprint = find_object(cluster, {cluster::types::kBlueprints, ns, name});
    if (!blueprint) return called;
    for (const auto& action : model::lifecycle_actions()) {
        if ((*blueprint)["actions"].find(action) != nullptr) called.push_back(action);
    }
    return called;
}

class Explanation {
  public:
    Explanation(cluster::Cluster& cluster, const cluster::ObjectKey& key, std::string_view ns)
        : cluster_(cluster),
          ns_(ns),
          subject_(load_subject(cluster, key)),
          candidates_(load_candidates(cluster, "", ns)) {
        for (Candidate& candidate : candidates_) check_blueprint(cluster, candidate, ns);
        resolution_ = choose(candidates_, subject_, ns);
    }

    Value build() {
        for (const char* list : {"candidates", "ownershipChain", "pvcs", "actionsThatWillRun", "warnings"}) {
            answer_[list] = List{};
        }
        answer_["winner"] = winner();
        explain_choice();
        for (const Candidate& candidate : candidates_) explain_candidate(candidate);
        explain_annotation();
        explain_owners();
        for (auto& claim : claims_of(cluster_, subject_.object)) answer_["pvcs"].push_back(std::move(claim));
        return std::move(answer_);
    }

  private:
    void warn(std::string text) { answer_["warnings"].push_back(std::move(text)); }
    [[nodiscard]] std::string winner() const { return resolution_ ? resolution_->binding : ""; }

    void explain_choice() {
        if (resolution_) {
            answer_["blueprint"]["name"] = resolution_->blueprint;
            answer_["blueprint"]["namespace"] = resolution_->blueprint_namespace;
            answer_["reason"] = resolution_->reason;
            for (auto& action : called_actions(cluster_, ns_, resolution_->blueprint)) {
                answer_["actionsThatWillRun"].push_back(std::move(action));
            }
            return;
        }
        std::string reason;
        for (const Candidate& candidate : candidates_) {
            if (!candidate.matches(subject_)) continue;
            reason += (reason.empty() ? "" : ", ") + ("the binding " + candidate.binding.name) +
                      " matches it but is " + (candidate.binding.is_disabled ? "disabled" : "invalid");
        }
        if (reason.empty()) {
            reason = candidates_.empty() ? "there is no BlueprintBinding" : "no BlueprintBinding matches it";
        }
        answer_["reason"] = reason + ", and it has no annotation " + kBlueprintAnnotation;
    }

    void explain_candidate(const Candidate& candidate) {
        const auto& binding = candidate.binding;
        Value entry;
        entry["binding"] = binding.name;
        entry["namespace"] = binding.ns;
        entry["blueprint"] = binding.blueprint;
        entry["createdAt"] = binding.created;
        entry["disabled"] = binding.is_disabled;
        entry["valid"] = candidate.is_valid();
        entry["matched"] = candidate.matches(subject_);
        entry["note"] = note_of(candidate);
        entry["items"] = List{};
        explain_items(binding.match_all, "matchAll", subject_, entry["items"]);
        explain_items(binding.match_any, "matchAny", subject_, entry["items"]);
        if (candidate.is_usable() && candidate.matches(subject_)) {
            if (binding.name == winner()) {
                winner_created_ = binding.created;
                for (const auto& problem : candidate.problems) {
                    warn("the binding " + binding.name + ": " + to_text(problem));
                }
            } else {
                entry["shadowedBy"] = winner();
                warn("the binding " + binding.name + " matches too, but " + winner() + " was created " +
                     (binding.created == winner_created_ ? "in the same second and comes first by name"
                                                         : "earlier") +
                     " [BND-W03]");
            }
        }
        if (candidate.is_usable() && !candidate.matches(subject_) && !matches_anything(cluster_, candidate))
            warn("the binding " + binding.name + " matches no object that is there [BND-W04]");
        answer_["candidates"].push_back(std::move(entry));
    }

    void explain_annotation() {
        const std::string value =
            subject_.object["metadata"]["annotations"][kBlueprintAnnotation].string_or("");
        Value& annotation = answer_["annotation"];
        annotation["present"] = !value.empty();
        if (value.empty()) return;
        const bool is_known = find_object(cluster_, {cluster::types::kBlueprints, ns_, value}).has_value();
        annotation["value"] = value;
        annotation["resolved"] = is_known;
        if (!is_known) {
            warn(std::string("the annotation ") + kBlueprintAnnotation + " names the Blueprint " + ns_ + "/" +
                 value + ", which does not exist [BND-W09]");
        }
        if (winner().empty()) return;
        annotation["overriddenBy"] = winner();
        warn("the binding " + winner() + " wins over the annotation " + kBlueprintAnnotation +
             "; an item annotations " + kBlueprintAnnotation +
             " DoesNotExist in the binding would let the annotation win [BND-W05]");
    }

    void explain_owners() {
        const auto owners = owners_of(cluster_, subject_.object);
        const auto served = cluster_.types();
        const Index index(candidates_);
        for (const Owner& owner : owners) {
            Value link;
            link["apiVersion"] = owner.object["apiVersion"];
            link["kind"] = owner.type.kind;
            link["namespace"] = cluster::namespace_of(owner.object);
            link["name"] = cluster::name_of(owner.object);
            const auto resolution = choose(index, make_subject(owner.object, owner.type, served), ns_);
            if (resolution) {
                link["blueprint"] = resolution->blueprint;
                link["binding"] = resolution->binding;
                link["reason"] = resolution->reason;
                compare(owner, resolution->blueprint);
            }
            answer_["ownershipChain"].push_back(std::move(link));
        }
        if (resolution_ && !owners.empty()) {
            warn("the " + owners.back().type.kind + " " + cluster::name_of(owners.back().object) +
                 " owns it: bind that, not the " + subject_.type.kind + " [BND-W06]");
        }
    }

    // Two blueprints in one chain must not both have a say in the same step.
    void compare(const Owner& owner, const std::string& blueprint) {
        if (!resolution_ || blueprint == resolution_->blueprint) return;
        const auto mine = called_actions(cluster_, ns_, resolution_->blueprint);
        for (const auto& action : called_actions(cluster_, ns_, blueprint)) {
            if (std::find(mine.begin(), mine.end(), action) == mine.end()) continue;
            warn("its owner, the " + owner.type.kind + " " + cluster::name_of(owner.object) +
                 ", is bound to the Blueprint " + blueprint + ", and both blueprints have the action " +
                 action + " [BND-E07]");
        }
    }

    cluster::Cluster& cluster_;
    std::string ns_;
    const Subject subject_;
    std::vector<Candidate> candidates_;
    std::optional<Resolution> resolution_;
    std::string winner_created_;
    Value answer_;
};

}  // namespace

Value explain(cluster::Cluster& cluster, const cluster::ObjectKey& subject,
              std::string_view controller_namespace) {
    return Explanation(cluster, subject, controller_namespace).build();
}

}  // namespace fencepost::binding
