#include "binding/index.h"

#include <algorithm>

namespace fencepost::binding {
namespace {

using model::Requirement;

constexpr char kBetween = '\n';  // in no label, annotation key or name

std::string pair_key(std::string_view what, std::string_view key, std::string_view value) {
    return std::string(what) + kBetween + std::string(key) + kBetween + std::string(value);
}
std::string there_key(std::string_view what, std::string_view key) {
    return std::string(what) + kBetween + std::string(key);
}

// How many keys a requirement is filed under; 0: an object without any certain thing may meet it.
std::size_t width_of(const Requirement& requirement) {
    if (requirement.op == Requirement::Operator::kExists) return 1;
    if (requirement.op != Requirement::Operator::kIn) return 0;
    if (requirement.subject != Requirement::Subject::kType) return requirement.values.size();
    const bool is_wide = std::any_of(requirement.types.begin(), requirement.types.end(),
                                     [](const model::TypePattern& type) { return type.resource.empty(); });
    return is_wide ? 0 : requirement.types.size();
}

// The more an object must have in particular, the fewer bindings lie where it is looked up.
int worth_of(const Requirement& requirement) {
    if (width_of(requirement) == 0) return 0;
    if (requirement.op == Requirement::Operator::kExists) return 2;
    switch (requirement.subject) {
        case Requirement::Subject::kLabels:
        case Requirement::Subject::kAnnotations:
            return 4;
        case Requirement::Subject::kNamespace:
            return 3;
        case Requirement::Subject::kType:
            return 1;
    }
    return 0;
}

}  // namespace

Index::Index(const std::vector<Candidate>& candidates) : candidates_(candidates) {
    for (std::uint32_t position = 0; position < candidates.size(); ++position) {
        if (!candidates[position].is_usable()) continue;
        const model::Binding& binding = candidates[position].binding;
        const auto best =
            std::max_element(binding.match_all.begin(), binding.match_all.end(),
                             [](const auto& a, const auto& b) { return worth_of(a) < worth_of(b); });
        if (best != binding.match_all.end() && file(position, *best)) continue;
        const bool is_any_narrow =
            !binding.match_any.empty() &&
            std::all_of(binding.match_any.begin(), binding.match_any.end(),
                        [](const Requirement& requirement) { return width_of(requirement) > 0; });
        if (!is_any_narrow) {
            others_.push_back(position);
            continue;
        }
        for (const Requirement& requirement : binding.match_any) file(position, requirement);
    }
}

bool Index::file(std::uint32_t position, const Requirement& requirement) {
    if (width_of(requirement) == 0) return false;
    if (requirement.subject == Requirement::Subject::kType) {
        for (const model::TypePattern& type : requirement.types)
            filed_[there_key("type", type.resource)].push_back(position);
        return true;
    }
    const std::string_view what = to_string(requirement.subject);
    if (requirement.op == Requirement::Operator::kExists) {
        filed_[there_key(what, requirement.key)].push_back(position);
        return true;
    }
    for (const std::string& value : requirement.values)
        filed_[pair_key(what, requirement.key, value)].push_back(position);
    return true;
}

void Index::find(const std::string& key, Positions& found) const {
    const auto here = filed_.find(key);
    if (here != filed_.end()) found.insert(found.end(), here->second.begin(), here->second.end());
}

std::vector<const Candidate*> Index::matching(const Subject& subject) const {
    Positions found = others_;
    const Value& metadata = std::as_const(subject.object)["metadata"];
    for (const auto kind : {Requirement::Subject::kLabels, Requirement::Subject::kAnnotations}) {
        const std::string_view what = to_string(kind);
        const Value& members = metadata[kind == Requirement::Subject::kLabels ? "labels" : "annotations"];
        for (const auto& [key, value] : members.map_or_empty()) {
            find(there_key(what, key), found);
            find(pair_key(what, key, value.string_or("")), found);
        }
    }
    const std::string_view ns = to_string(Requirement::Subject::kNamespace);
    if (subject.type.is_namespaced) {
        find(there_key(ns, ""), found);
        find(pair_key(ns, "", metadata["namespace"].string_or("")), found);
    }
    find(there_key("type", subject.type.type.resource), found);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    std::vector<const Candidate*> result;
    for (const std::uint32_t position : found) {
        if (candidates_[position].matches(subject)) result.push_back(&candidates_[position]);
    }
    return result;
}

}  // namespace fencepost::binding
