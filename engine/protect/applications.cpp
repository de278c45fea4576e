#include "protect/applications.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "protect/manifest.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;

constexpr std::string_view kNameKey = "k10.kasten.io/appNamespace";

bool fits_any(const List& patterns, const std::string& name) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const Value& pattern) { return fits_pattern(pattern.string_or(""), name); });
}

// Of all namespaces in which an object has the label, and of those that have it themselves.
std::set<std::string> labelled(cluster::Cluster& cluster, const std::string& label_selector) {
    std::set<std::string> names;
    const cluster::ListOptions options{.label_selector = label_selector, .metadata_only = true};
    for (const Value& ns : cluster.list(types::kNamespaces, options).items)
        names.insert(cluster::name_of(ns));
    for (const cluster::ResourceDescription& type : cluster.types()) {
        if (!type.is_namespaced || !type.is_listable || !is_captured(type.type)) continue;
        for (const Value& object : cluster.list(type.type, options).items)
            names.insert(cluster::namespace_of(object));
    }
    return names;
}

// One of the selector's terms: all of them must fit.
class Term {
  public:
    Term(cluster::Cluster& cluster, const Value& expression) {
        const std::string key = expression["key"].string_or(""), op = expression["operator"].string_or("");
        values_ = expression["values"].list_or_empty();
        is_negated_ = op == "NotIn";
        if (op != "In" && (op != "NotIn" || key != kNameKey)) {
            throw Error(ErrorKind::kInvalid,
                        "spec.selector: the operator '" + op + "' of " + key + " is not known",
                        "In; and NotIn of " + std::string(kNameKey));
        }
        if (values_.empty()) throw Error(ErrorKind::kInvalid, "spec.selector: " + key + " has no values");
        if (key == kNameKey) return;
        std::string selector = key + " in (";
        for (const Value& value : values_)
            selector += (selector.ends_with('(') ? "" : ",") + value.string_or("");
        labelled_ = labelled(cluster, selector + ")");
    }
    [[nodiscard]] bool fits(const std::string& name) const {
        return labelled_ ? labelled_->contains(name) : fits_any(values_, name) != is_negated_;
    }

  private:
    List values_;
    bool is_negated_ = false;
    std::optional<std::set<std::string>> labelled_;
};

}  // namespace

bool fits_pattern(std::string_view pattern, std::string_view name) {
    const std::size_t star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == name;
    if (!name.starts_with(pattern.substr(0, star))) return false;
    const std::string_view rest = pattern.substr(star + 1);
    for (std::size_t at = star; at <= name.size(); ++at) {
        if (fits_pattern(rest, name.substr(at))) return true;
    }
    return false;
}

bool selects_name(const Value& selector, const std::string& name) {
    const List& terms = selector["matchExpressions"].list_or_empty();
    return std::all_of(terms.begin(), terms.end(), [&](const Value& term) {
        return fits_any(term["values"].list_or_empty(), name) != (term["operator"] == Value("NotIn"));
    });
}

std::vector<std::string> applications_of(cluster::Cluster& cluster, const Value& selector) {
    std::vector<Term> terms;
    for (const Value& expression : selector["matchExpressions"].list_or_empty())
        terms.emplace_back(cluster, expression);
    for (const Member& label : selector["matchLabels"].map_or_empty()) {
        Value expression(Map{{"key", label.key}, {"operator", "In"}});
        expression["values"].push_back(label.value);
        terms.emplace_back(cluster, expression);
    }
    if (terms.empty())
        throw Error(ErrorKind::kInvalid, "spec.selector is empty: it selects no application",
                    "matchExpressions: [{key: k10.kasten.io/appNamespace, operator: In, values: [shop]}]");
    std::vector<std::string> names;
    for (const Value& ns : cluster.list(types::kNamespaces, {.metadata_only = true}).items) {
        const std::string name = cluster::name_of(ns);
        const bool is_out = !ns.get("metadata", "annotations", kOptOut).is_nil();
        const bool fits =
            std::all_of(terms.begin(), terms.end(), [&](const Term& term) { return term.fits(name); });
        if (fits && !is_out) names.push_back(name);
    }
    return names;
}

}  // namespace fencepost::protect
