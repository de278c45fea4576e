#include "binding/matcher.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

namespace fencepost::binding {
namespace {

using model::Requirement;
using model::TypePattern;

bool contains(const std::vector<std::string>& values, std::string_view value) {
    return std::find(values.begin(), values.end(), value) != values.end();
}

// * is any text, ? any character; linear but for the last star's retries.
bool glob(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t retry = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            retry = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++retry;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool fits(const TypePattern& pattern, const Subject& subject) {
    const auto& type = subject.type.type;
    return (pattern.group.empty() || pattern.group == type.group) &&
           (pattern.version.empty() || pattern.version == type.version ||
            contains(subject.versions, pattern.version)) &&
           (pattern.resource.empty() || pattern.resource == type.resource) &&
           (pattern.name.empty() || pattern.name == cluster::name_of(subject.object));
}

bool has_type(const Requirement& requirement, const Subject& subject) {
    return std::any_of(requirement.types.begin(), requirement.types.end(),
                       [&](const TypePattern& pattern) { return fits(pattern, subject); });
}

std::string type_text(const TypePattern& type) {
    const auto part = [](const std::string& text) { return text.empty() ? std::string("*") : text; };
    std::string text = type.group;
    if (!type.version.empty()) text += (text.empty() ? "" : "/") + type.version;
    text += (text.empty() ? "" : " ") + part(type.resource);
    return type.name.empty() ? text : text + " " + type.name;
}

}  // namespace

Subject make_subject(Value object, cluster::ResourceDescription type,
                     const std::vector<cluster::ResourceDescription>& served) {
    Subject subject{.object = std::move(object), .type = std::move(type)};
    for (const auto& one : served) {
        if (one.type.group == subject.type.type.group && one.type.resource == subject.type.type.resource) {
            subject.versions.push_back(one.type.version);
        }
    }
    return subject;
}

Value observed_of(const Requirement& requirement, const Subject& subject) {
    const Value& metadata = std::as_const(subject.object)["metadata"];
    switch (requirement.subject) {
        case Requirement::Subject::kType: {
            const auto& type = subject.type.type;
            return (type.group.empty() ? "" : type.group + "/") + type.version + " " + type.resource + " " +
                   cluster::name_of(subject.object);
        }
        case Requirement::Subject::kNamespace:
            return subject.type.is_namespaced ? metadata["namespace"] : Value();
        case Requirement::Subject::kAnnotations:
            return metadata["annotations"][requirement.key];
        case Requirement::Subject::kLabels:
            return metadata["labels"][requirement.key];
    }
    return {};
}

bool holds(const Requirement& requirement, const Subject& subject) {
    if (requirement.subject == Requirement::Subject::kType) {
        return has_type(requirement, subject) == (requirement.op == Requirement::Operator::kIn);
    }
    const Value observed = observed_of(requirement, subject);
    const bool is_there = observed.is_string();
    switch (requirement.op) {
        case Requirement::Operator::kIn:
            return is_there && contains(requirement.values, observed.as_string());
        case Requirement::Operator::kNotIn:
            return !is_there || !contains(requirement.values, observed.as_string());
        case Requirement::Operator::kExists:
            return is_there;
        case Requirement::Operator::kDoesNotExist:
            return !is_there;
        case Requirement::Operator::kGlob:
            return is_there &&
                   std::any_of(requirement.values.begin(), requirement.values.end(),
                               [&](const auto& pattern) { return glob(pattern, observed.as_string()); });
    }
    return false;
}

bool matches(const model::Binding& binding, const Subject& subject) {
    const auto holds_here = [&](const Requirement& requirement) { return holds(requirement, subject); };
    return std::all_of(binding.match_all.begin(), binding.match_all.end(), holds_here) &&
           (binding.match_any.empty() ||
            std::any_of(binding.match_any.begin(), binding.match_any.end(), holds_here));
}

bool precedes(const model::Binding& a, const model::Binding& b) {
    // Timestamps are RFC 3339 in UTC to the second, so their texts sort as their times do.
    return std::tie(a.created, a.name, a.ns) < std::tie(b.created, b.name, b.ns);
}

std::string expected_of(const Requirement& requirement) {
    std::string text;
    for (const auto& type : requirement.types) text += (text.empty() ? "" : ", ") + type_text(type);
    for (const auto& value : requirement.values) text += (text.empty() ? "" : ", ") + value;
    return text.empty() ? text : "[" + text + "]";
}

}  // namespace fencepost::binding
