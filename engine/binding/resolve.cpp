#include "binding/resolve.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "binding/index.h"
#include "cluster/idempotent.h"
#include "model/diagnostic.h"

namespace fencepost::binding {
namespace {

using model::Problem;
using model::Severity;

void check_actions(const Value& blueprint, Candidate& candidate) {
    const Value& actions = blueprint["actions"];
    const auto& lifecycle = model::lifecycle_actions();
    const auto has = [&](std::string_view name) { return actions.find(name) != nullptr; };
    const auto warn = [&](std::string rule, std::string message, std::string hint) {
        candidate.problems.push_back({.severity = Severity::kWarning,
                                      .pointer = "/spec/blueprintRef",
                                      .rule = std::move(rule),
                                      .message = std::move(message),
                                      .hint = std::move(hint)});
    };
    const std::string name = "the Blueprint " + candidate.binding.blueprint;
    if (std::none_of(lifecycle.begin(), lifecycle.end(), has)) {
        std::string near;
        for (const auto& [action, value] : actions.map_or_empty()) {
            if (near.empty()) near = model::nearest(action, lifecycle);
        }
        warn("BND-W07", name + " has no action that a backup or restore would call",
             near.empty() ? "those are backup, restore, delete and the prehooks and posthooks"
                          : "did you mean '" + near + "'?");
    }
    for (const auto& [with, without] : {std::pair{"backup", "restore"}, std::pair{"backup", "delete"},
                                        std::pair{"backupPrehook", "backupPosthook"}}) {
        if (has(with) && !has(without)) {
            warn("BND-W08", name + " has the action " + with + " but not " + without, "");
        }
    }
}

std::string reason_of(const Candidate& winner, const std::vector<std::string>& others) {
    std::string reason = "the binding " + winner.binding.name + " matches it";
    if (others.empty()) return reason;
    reason += ", and was created before ";
    for (std::size_t i = 0; i < others.size(); ++i) {
        reason += (i == 0 ? "" : i + 1 == others.size() ? " and " : ", ") + others[i];
    }
    return reason + (others.size() == 1 ? ", which matches too" : ", which match too");
}

}  // namespace

Candidate read_candidate(const Value& object, std::string_view controller_namespace) {
    model::Problems problems;
    Candidate candidate{.binding = model::Binding::read(object, problems)};
    const model::Binding& binding = candidate.binding;
    const std::string ns(controller_namespace);
    if (!binding.blueprint_namespace.empty() && binding.blueprint_namespace != ns) {
        problems.error(
            "/spec/blueprintRef/namespace", "BND-E05",
            "blueprints are looked up in the namespace " + ns + ", not in " + binding.blueprint_namespace);
    }
    if (binding.ns != ns) {
        problems.error("/metadata/namespace", "BND-E06",
                       "a binding in the namespace " + binding.ns + " is not looked at",
                       "move it to the namespace " + ns);
    }
    candidate.problems = problems.take();
    return candidate;
}

void check_blueprint(cluster::Cluster& cluster, Candidate& candidate, std::string_view controller_namespace) {
    const std::string& name = candidate.binding.blueprint;
    if (name.empty() || candidate.binding.blueprint_namespace != controller_namespace) return;
    const auto blueprint =
        find_object(cluster, {cluster::types::kBlueprints, std::string(controller_namespace), name});
    if (blueprint) return check_actions(*blueprint, candidate);
    candidate.problems.push_back(
        {.pointer = "/spec/blueprintRef/name",
         .rule = "BND-E05",
         .message = "there is no Blueprint " + std::string(controller_namespace) + "/" + name});
}

std::vector<Candidate> load_candidates(cluster::Cluster& cluster, std::string_view ns,
                                       std::string_view controller_namespace) {
    std::vector<Candidate> candidates;
    const auto list = cluster.list(cluster::types::kBlueprintBindings, {.ns = std::string(ns)});
    candidates.reserve(list.items.size());
    for (const Value& object : list.items) candidates.push_back(read_candidate(object, controller_namespace));
    std::sort(candidates.begin(), candidates.end(),
              [](const Candidate& a, const Candidate& b) { return precedes(a.binding, b.binding); });
    return candidates;
}

Subject load_subject(cluster::Cluster& cluster, const cluster::ObjectKey& key) {
    auto type = cluster.find_type(key.type.group, key.type.version, key.type.resource);
    if (!type) throw Error(ErrorKind::kNotFound, "the cluster does not serve the type " + key.type.resource);
    return make_subject(cluster.get(key), std::move(*type), cluster.types());
}

bool Candidate::matches(const Subject& subject) const {
    const bool is_readable = std::none_of(problems.begin(), problems.end(), [](const Problem& problem) {
        return problem.severity == Severity::kError && problem.pointer.starts_with("/spec/resources");
    });
    return is_readable && binding::matches(binding, subject);
}

namespace {

// False where a requirement on the type leaves out every object of this one.
bool may_match(const model::Binding& binding, const cluster::ResourceType& type) {
    return std::all_of(
        binding.match_all.begin(), binding.match_all.end(), [&](const model::Requirement& requirement) {
            if (requirement.subject != model::Requirement::Subject::kType ||
                requirement.op != model::Requirement::Operator::kIn)
                return true;
            return std::any_of(requirement.types.begin(), requirement.types.end(),
                               [&](const model::TypePattern& pattern) {
                                   return (pattern.group.empty() || pattern.group == type.group) &&
                                          (pattern.resource.empty() || pattern.resource == type.resource);
                               });
        });
}

}  // namespace

bool matches_anything(cluster::Cluster& cluster, const Candidate& candidate) {
    const auto served = cluster.types();
    for (const auto& type : served) {
        if (!may_match(candidate.binding, type.type)) continue;
        cluster::ListOptions page;
        page.limit = 500;
        page.metadata_only = true;
        do {
            cluster::ObjectList list = cluster.list(type.type, page);
            for (Value& object : list.items) {
                if (candidate.matches(make_subject(std::move(object), type, served))) return true;
            }
            page.continue_token = list.continue_token;
        } while (!page.continue_token.empty());
    }
    return false;
}

namespace {

// REQUIRES: matching in the order of precedence.
std::optional<Resolution> decide(const std::vector<const Candidate*>& matching, const Subject& subject,
                                 std::string_view controller_namespace) {
    const std::string ns(controller_namespace);
    if (!matching.empty()) {
        std::vector<std::string> others;
        for (std::size_t i = 1; i < matching.size(); ++i) others.push_back(matching[i]->binding.name);
        return Resolution{.blueprint = matching.front()->binding.blueprint,
                          .blueprint_namespace = ns,
                          .binding = matching.front()->binding.name,
                          .reason = reason_of(*matching.front(), others)};
    }
    const std::string annotation =
        subject.object["metadata"]["annotations"][kBlueprintAnnotation].string_or("");
    if (annotation.empty()) return std::nullopt;
    return Resolution{.blueprint = annotation,
                      .blueprint_namespace = ns,
                      .reason = std::string("its annotation ") + kBlueprintAnnotation + " names it"};
}

}  // namespace

std::optional<Resolution> choose(const std::vector<Candidate>& candidates, const Subject& subject,
                                 std::string_view controller_namespace) {
    std::vector<const Candidate*> matching;
    for (const Candidate& candidate : candidates) {
        if (candidate.is_usable() && candidate.matches(subject)) matching.push_back(&candidate);
    }
    return decide(matching, subject, controller_namespace);
}

std::optional<Resolution> choose(const Index& index, const Subject& subject,
                                 std::string_view controller_namespace) {
    return decide(index.matching(subject), subject, controller_namespace);
}

std::optional<Resolution> resolve(cluster::Cluster& cluster, const cluster::ObjectKey& key,
                                  std::string_view controller_namespace) {
    const Subject subject = load_subject(cluster, key);
    auto candidates = load_candidates(cluster, controller_namespace, controller_namespace);
    std::erase_if(candidates,
                  [&](const Candidate& one) { return !one.is_usable() || !one.matches(subject); });
    for (Candidate& candidate : candidates) check_blueprint(cluster, candidate, controller_namespace);
    return choose(candidates, subject, controller_namespace);
}

}  // namespace fencepost::binding
