// Which blueprint is for a resource, in a live cluster: the earliest enabled, valid BlueprintBinding of the
// controller's namespace that matches, then the annotation kanister.kasten.io/blueprint. Validity is judged
// here and now from the binding and its blueprint, not read from status.validation, so that a binding works
// at once, and one whose blueprint was deleted no longer does. Errors: what the cluster throws; kNotFound
// where the subject is gone. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "binding/matcher.h"
#include "cluster/cluster.h"
#include "model/binding.h"

namespace fencepost::binding {

struct Resolution {
    std::string blueprint;            // an annotation may name one that does not exist
    std::string blueprint_namespace;  // always the controller's: blueprints are looked up nowhere else
    std::string binding;              // "" where the annotation decided
    std::string reason;               // for people: "the binding pg-dump matches it"
};

// nullopt: nothing is bound to it.
[[nodiscard]] std::optional<Resolution> resolve(cluster::Cluster& cluster, const cluster::ObjectKey& subject,
                                                std::string_view controller_namespace);

// --- the parts of it, for explain.cpp and controller.cpp

struct Candidate {
    model::Binding binding;
    std::vector<model::Problem> problems;
    [[nodiscard]] bool is_valid() const noexcept { return !model::has_errors(problems); }
    [[nodiscard]] bool is_usable() const noexcept { return is_valid() && !binding.is_disabled; }
    // Its requirements can be read, whatever else is wrong, and they hold.
    [[nodiscard]] bool matches(const Subject& subject) const;
};

[[nodiscard]] Candidate read_candidate(const Value& object, std::string_view controller_namespace);
// Adds what only the cluster knows: is the blueprint there (BND-E05), what is odd about it (BND-W07,
// BND-W08).
void check_blueprint(cluster::Cluster& cluster, Candidate& candidate, std::string_view controller_namespace);
// All bindings of a namespace ("" = of all), in the order of precedence; their blueprints are not looked at.
[[nodiscard]] std::vector<Candidate> load_candidates(cluster::Cluster& cluster, std::string_view ns,
                                                     std::string_view controller_namespace);
// Is there any object that it matches? Looks at the types alone that it can match, until it finds one.
[[nodiscard]] bool matches_anything(cluster::Cluster& cluster, const Candidate& candidate);
// REQUIRES: candidates in the order of precedence, their blueprints checked. Pure.
[[nodiscard]] std::optional<Resolution> choose(const std::vector<Candidate>& candidates,
                                               const Subject& subject, std::string_view controller_namespace);
// The object with its type's description. Throws kNotFound for a type that is not served.
[[nodiscard]] Subject load_subject(cluster::Cluster& cluster, const cluster::ObjectKey& key);

}  // namespace fencepost::binding
