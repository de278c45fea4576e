#include "base/ascii.h"
#include "model/binding_item.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

namespace fencepost::model {
namespace {

using Subject = Requirement::Subject;
using Operator = Requirement::Operator;

constexpr Subject kSubjects[] = {Subject::kType, Subject::kNamespace, Subject::kAnnotations,
                                 Subject::kLabels};
constexpr Operator kOperators[] = {Operator::kIn, Operator::kNotIn, Operator::kExists,
                                   Operator::kDoesNotExist, Operator::kGlob};

std::span<const Operator> operators_of(Subject subject) {
    const std::span<const Operator> all(kOperators);
    return subject == Subject::kType ? all.first(2) : subject == Subject::kNamespace ? all : all.first(4);
}

template <typename Enum>
std::string joined(std::span<const Enum> values) {
    std::string text;
    for (const Enum value : values) text += (text.empty() ? "" : ", ") + std::string(to_string(value));
    return text;
}

bool takes_values(Operator op) { return op != Operator::kExists && op != Operator::kDoesNotExist; }

// What people take for a type's plural. The live cluster knows better; this catches slips in a file.
const std::vector<std::string>& common_plurals() {
    static const std::vector<std::string> kPlurals{"configmaps",
                                                   "cronjobs",
                                                   "daemonsets",
                                                   "deployments",
                                                   "jobs",
                                                   "namespaces",
                                                   "persistentvolumeclaims",
                                                   "pods",
                                                   "replicasets",
                                                   "secrets",
                                                   "services",
                                                   "statefulsets"};
    return kPlurals;
}

// And of the database operators that bindings are written for.
struct KnownType {
    std::string_view group, plural;
};
constexpr KnownType kOperatorTypes[] = {{"cassandra.datastax.com", "cassandradatacenters"},
                                        {"db2u.databases.ibm.com", "db2uclusters"},
                                        {"dh2i.com", "dxenterprisesqlags"},
                                        {"elasticsearch.k8s.elastic.co", "elasticsearches"},
                                        {"k8s.mariadb.com", "mariadbs"},
                                        {"mongodb.com", "mongodb"},
                                        {"postgresql.cnpg.io", "clusters"},
                                        {"postgresql.k8s.enterprisedb.io", "clusters"},
                                        {"psmdb.percona.com", "perconaservermongodbs"}};

class ItemReader {
  public:
    ItemReader(Problems& problems, std::vector<Requirement>& out, std::string_view list)
        : problems_(problems), out_(out), list_(list) {}

    void read(const Value& item, std::size_t index) {
        index_ = index;
        const std::string pointer = child("/spec/resources/" + std::string(list_), index);
        if (!item.is_map()) {
            problems_.error(
                pointer, "BND-E02",
                "a requirement must be a map with one of " + joined(std::span<const Subject>(kSubjects)));
            return;
        }
        const Subject* found = nullptr;
        bool is_clear = true;
        for (const auto& [key, value] : item.as_map()) {
            if (key == "selector" && item.find("type") != nullptr) continue;
            const auto* subject = std::find_if(std::begin(kSubjects), std::end(kSubjects),
                                               [&](Subject one) { return to_string(one) == key; });
            if (subject == std::end(kSubjects)) {
                unknown_subject(pointer, key);
                is_clear = false;
            } else if (found != nullptr) {
                problems_.at_key(Severity::kError, child(pointer, key), "BND-E02",
                                 "a requirement has one constraint; this has '" +
                                     std::string(to_string(*found)) + "' and '" + key + "'",
                                 "make two items of it");
                is_clear = false;
            } else {
                found = subject;
            }
        }
        if (found == nullptr) {
            if (is_clear) {
                problems_.error(pointer, "BND-E02",
                                "the requirement is empty: it needs one of " +
                                    joined(std::span<const Subject>(kSubjects)));
            }
            return;
        }
        const std::string name(to_string(*found));
        read_constraint(*found, item[name], child(pointer, name));
        if (const Value* selector = item.find("selector"))
            read_selector(*selector, child(pointer, "selector"));
    }

  private:
    void unknown_subject(const std::string& pointer, const std::string& key) {
        const std::string near = nearest(key, {"type", "namespace", "annotations", "labels"});
        problems_.at_key(
            Severity::kError, child(pointer, key), "BND-E02",
            "'" + key + "' is no constraint (there are " + joined(std::span<const Subject>(kSubjects)) + ")",
            near.empty() ? "" : "did you mean '" + near + "'?");
    }

    void read_constraint(Subject subject, const Value& body, const std::string& pointer) {
        if (!body.is_map()) {
            problems_.error(pointer, "wrong-type",
                            to_path(pointer) + " must be a map with operator and values");
            return;
        }
        Requirement requirement{.subject = subject, .index = index_};
        if (subject == Subject::kType && body.find("operator") == nullptr && body.find("values") == nullptr &&
            body.find("resource") != nullptr) {
            return read_bare_type(requirement, body, pointer);
        }
        if (subject == Subject::kNamespace && body["nameSelector"]["matchNames"].is_list()) {
            return read_name_selector(requirement, body, pointer);
        }
        const bool has_key = subject == Subject::kAnnotations || subject == Subject::kLabels;
        if (has_key) {
            problems_.only(body, pointer, {"key", "operator", "values"});
            if (problems_.require_text(body["key"], child(pointer, "key"),
                                       "the " + std::string(to_string(subject)) + " key")) {
                requirement.key = body["key"].as_string();
            }
        } else {
            problems_.only(body, pointer, {"operator", "values"});
        }
        const auto op = read_operator(subject, body["operator"], child(pointer, "operator"));
        if (!op) return;
        requirement.op = *op;
        read_values(requirement, body["values"], child(pointer, "values"));
        out_.push_back(std::move(requirement));
    }

    std::optional<Operator> read_operator(Subject subject, const Value& value, const std::string& pointer) {
        const auto allowed = operators_of(subject);
        const std::string text = value.string_or("");
        const auto found = std::find_if(allowed.begin(), allowed.end(),
                                        [&](Operator one) { return to_string(one) == text; });
        if (found != allowed.end()) return *found;
        std::vector<std::string> names;
        for (const Operator one : allowed) names.emplace_back(to_string(one));
        const std::string near = nearest(text, names);
        problems_.error(pointer, "BND-E03",
                        value.is_nil()
                            ? "the operator is missing"
                            : "'" + text + "' is no operator for " + std::string(to_string(subject)),
                        near.empty() ? "there are " + joined(allowed) : "did you mean '" + near + "'?");
        return std::nullopt;
    }

    void read_values(Requirement& requirement, const Value& values, const std::string& pointer) {
        const std::string op(to_string(requirement.op));
        if (!values.is_nil() && !values.is_list()) {
            problems_.check(values, pointer, Kind::kList);
            return;
        }
        const List& list = values.list_or_empty();
        if (takes_values(requirement.op) == list.empty()) {
            problems_.error(pointer, "BND-E04",
                            list.empty() ? "the operator " + op + " needs values"
                                         : "the operator " + op + " takes no values");
            return;
        }
        for (std::size_t i = 0; i < list.size(); ++i) {
            const std::string place = child(pointer, i);
            if (requirement.subject == Subject::kType) {
                if (list[i].is_map()) {
                    requirement.types.push_back(read_type(list[i], place));
                } else {
                    problems_.error(place, "wrong-type",
                                    to_path(place) + " must be a map of group, version, resource and name");
                }
            } else if (list[i].is_string()) {
                requirement.values.push_back(list[i].as_string());
            } else {
                problems_.error(place, "wrong-type", to_path(place) + " must be a string",
                                "put it in quotes");
            }
        }
    }

    TypePattern read_type(const Value& value, const std::string& pointer) {
        problems_.only(value, pointer, {"group", "version", "resource", "name"});
        TypePattern type;
        for (const auto& [member, target] :
             {std::pair{"group", &type.group}, std::pair{"version", &type.version},
              std::pair{"resource", &type.resource}, std::pair{"name", &type.name}}) {
            if (problems_.check(value[member], child(pointer, member), Kind::kString))
                *target = value[member].string_or("");
        }
        const std::string plural = ascii_lower(type.resource);
        const std::string place = child(pointer, "resource");
        if (plural != type.resource) {
            problems_.warning(place, "BND-W10", "'" + type.resource + "' is read as '" + plural + "'",
                              "a resource is a lower-case plural");
            problems_.fix_last(type.resource, plural);
            type.resource = plural;
        }
        check_resource(type, place);
        return type;
    }

    void check_resource(const TypePattern& type, const std::string& pointer) {
        if (type.group.empty() && type.version.empty() && type.resource.empty() && type.name.empty()) {
            problems_.warning(pointer, "BND-W02", "this fits every type there is");
            return;
        }
        const bool is_built_in = type.group.empty() || type.group == "apps" || type.group == "batch";
        std::vector<std::string> plurals;
        if (is_built_in) plurals = common_plurals();
        for (const KnownType& known : kOperatorTypes) {
            if (known.group == type.group) plurals.emplace_back(known.plural);
        }
        if (!type.resource.empty() &&
            std::find(plurals.begin(), plurals.end(), type.resource) == plurals.end()) {
            if (const std::string near = nearest(type.resource, plurals); !near.empty()) {
                problems_.warning(pointer, "BND-W01", "no type has the plural '" + type.resource + "'",
                                  "did you mean '" + near + "'?");
            }
        }
        if (type.resource == "pods" || type.resource == "replicasets" || type.resource == "jobs") {
            problems_.warning(pointer, "BND-W06",
                              "this binds " + type.resource + ", which others own and replace",
                              "bind the object that owns them");
        }
    }

    // type: {group: apps, resource: statefulsets}
    void read_bare_type(Requirement& requirement, const Value& body, const std::string& pointer) {
        requirement.op = Operator::kIn;
        requirement.types.push_back(read_type(body, pointer));
        problems_.warning(pointer, "BND-W10",
                          "a type without operator and values is read as In with this one value",
                          "write {operator: In, values: [{...}]}");
        out_.push_back(requirement);
    }

    // namespace: {nameSelector: {matchNames: [app1]}}
    void read_name_selector(Requirement& requirement, const Value& body, const std::string& pointer) {
        problems_.only(body, pointer, {"nameSelector"});
        requirement.op = Operator::kIn;
        read_values(requirement, body["nameSelector"]["matchNames"],
                    child(child(pointer, "nameSelector"), "matchNames"));
        problems_.warning(pointer, "BND-W10", "nameSelector.matchNames is read as the operator In",
                          "write {operator: In, values: [...]}");
        out_.push_back(requirement);
    }

    // {type: ..., selector: {matchLabels: {a: b}}}: one requirement more for each label.
    void read_selector(const Value& selector, const std::string& pointer) {
        if (list_ != "matchAll") {
            problems_.error(pointer, "BND-E02",
                            "a selector beside a type means both, and matchAny means either",
                            "move the labels to matchAll, an item for each");
            return;
        }
        const std::string place = child(pointer, "matchLabels");
        if (!selector["matchLabels"].is_map() || selector["matchLabels"].as_map().empty()) {
            problems_.error(
                pointer, "BND-E02",
                "'selector' is no constraint (there are " + joined(std::span<const Subject>(kSubjects)) + ")",
                "write an item labels: {key: ..., operator: In, values: [...]} for each label");
            return;
        }
        for (const auto& [key, value] : selector["matchLabels"].as_map()) {
            if (!value.is_string()) {
                problems_.error(child(place, key), "wrong-type",
                                to_path(child(place, key)) + " must be a string", "put it in quotes");
                continue;
            }
            out_.push_back({.subject = Subject::kLabels,
                            .op = Operator::kIn,
                            .key = key,
                            .values = {value.as_string()},
                            .index = index_});
        }
        problems_.warning(pointer, "BND-W10",
                          "a selector beside a type is read as one labels requirement for each label",
                          "write an item labels: {key: ..., operator: In, values: [...]} for each label");
    }

    Problems& problems_;
    std::vector<Requirement>& out_;
    std::string_view list_;
    std::size_t index_ = 0;
};

}  // namespace

void read_requirement(const Value& item, std::string_view list, std::size_t index,
                      std::vector<Requirement>& out, Problems& problems) {
    ItemReader(problems, out, list).read(item, index);
}

}  // namespace fencepost::model
