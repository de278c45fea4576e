// What only several documents together show: bindings and the blueprints that they name, bindings in each
// other's shadow, the volumes of one database cluster, and Profiles that a blueprint cannot use.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "lint/rule_set.h"
#include "model/binding.h"
#include "model/cluster_instance.h"

namespace fencepost::lint {
namespace {

using model::Binding;
using model::child;
using model::Requirement;
using model::Severity;

struct BindingPlace {
    Document* document = nullptr;
    Binding binding;
    std::set<std::string> all, any;  // the requirements, as texts
};

// Each is compared with each; nobody has so many.
constexpr std::size_t kMaxBindings = 500;

std::string as_text(const Requirement& requirement) {
    std::string text = std::string(to_string(requirement.subject)) + " " + requirement.key + " " +
                       std::string(to_string(requirement.op));
    auto values = requirement.values;
    std::sort(values.begin(), values.end());
    for (const std::string& value : values) text += "|" + value;
    for (const auto& type : requirement.types)
        text += "|" + type.group + "/" + type.version + "/" + type.resource + "/" + type.name;
    return text;
}

std::set<std::string> texts_of(const std::vector<Requirement>& requirements) {
    std::set<std::string> texts;
    for (const Requirement& requirement : requirements) texts.insert(as_text(requirement));
    return texts;
}

// Does `wide` fit everything that `narrow` fits?
bool covers(const BindingPlace& wide, const BindingPlace& narrow) {
    return std::includes(narrow.all.begin(), narrow.all.end(), wide.all.begin(), wide.all.end()) &&
           (wide.any.empty() || wide.any == narrow.any);
}

// The earliest wins, then the first by name: as the matcher has it.
bool wins_over(const Binding& a, const Binding& b) {
    return std::tie(a.created, a.name) < std::tie(b.created, b.name);
}

void check_shadow(const BindingPlace& one, std::span<const BindingPlace> all) {
    for (const BindingPlace& other : all) {
        if (&other == &one || other.binding.is_disabled || one.binding.is_disabled || !covers(other, one) ||
            !wins_over(other.binding, one.binding))
            continue;
        one.document->problems.warning(
            "/metadata/name", "BND-W03",
            "the binding '" + other.binding.name + "' fits all that this one does, and wins over it",
            one.binding.created.empty() ? "the one that is made first wins; make one of them narrower"
                                        : "it is older; make one of them narrower, or disable it");
        return;
    }
}

void check_blueprint(const BindingPlace& one, const std::map<std::string, const Document*>& blueprints) {
    const std::string& name = one.binding.blueprint;
    if (name.empty() || blueprints.empty()) return;
    const auto found = blueprints.find(name);
    model::Problems& problems = one.document->problems;
    if (found == blueprints.end()) {
        std::vector<std::string> names;
        for (const auto& [known, document] : blueprints) names.push_back(known);
        // It may be in the cluster: only what looks like one that is here is surely a slip.
        const std::string near = model::nearest(name, names);
        if (near.empty()) return;
        problems.error("/spec/blueprintRef/name", "BND-E05", "there is no blueprint '" + name + "' here",
                       "did you mean '" + near + "'?");
        return;
    }
    const Value& object = found->second->object();
    const std::string ns = object.get("metadata", "namespace").string_or("");
    if (!ns.empty() && !one.binding.blueprint_namespace.empty() && ns != one.binding.blueprint_namespace) {
        problems.error("/spec/blueprintRef/namespace", "BND-E05",
                       "the blueprint '" + name + "' is in the namespace '" + ns + "'");
    }
    const auto& actions = model::lifecycle_actions();
    const bool is_called = std::any_of(actions.begin(), actions.end(), [&](const std::string& action) {
        return object["actions"].find(action) != nullptr;
    });
    if (!is_called) {
        problems.warning("/spec/blueprintRef/name", "BND-W07",
                         "the blueprint '" + name + "' has no action that a backup or restore would call");
    }
}

// --- volumes of database clusters

constexpr const char* kExcludeLabels[] = {"kasten-enterprisedb.io/excluded", "velero.io/exclude-from-backup"};

std::string exclusion_of(const Value& claim) {
    for (const char* name : kExcludeLabels) {
        const std::string value = claim.get("metadata", "labels", name).string_or("");
        if (!value.empty()) return value;
    }
    return {};
}

bool is_excluded(const Value& claim) { return exclusion_of(claim) == "true"; }

bool is_decorated(const Value& claim) {
    return !exclusion_of(claim).empty() ||
           !claim.get("metadata", "labels", "kasten-enterprisedb.io/elected").is_nil();
}

}  // namespace

void check_bindings(std::span<Document> documents) {
    std::vector<BindingPlace> bindings;
    std::map<std::string, const Document*> blueprints;
    for (Document& document : documents) {
        if (document.kind() == "Blueprint")
            blueprints[document.object().get("metadata", "name").string_or("")] = &document;
        if (document.kind() != "BlueprintBinding") continue;
        model::Problems unused;  // validate has told them
        Binding binding = Binding::read(document.object(), unused);
        if (model::has_errors(unused.all()) || bindings.size() == kMaxBindings) continue;
        auto all = texts_of(binding.match_all);
        auto any = texts_of(binding.match_any);
        bindings.push_back({&document, std::move(binding), std::move(all), std::move(any)});
    }
    for (const BindingPlace& one : bindings) {
        check_shadow(one, bindings);
        check_blueprint(one, blueprints);
    }
}

void check_volumes(std::span<Document> documents) {
    std::map<std::string, std::vector<Document*>> clusters;
    for (Document& document : documents) {
        if (document.kind() != "PersistentVolumeClaim") continue;
        const std::string cluster = model::instance_of(document.object()).cluster;
        if (cluster.empty()) continue;
        const std::string ns = document.object().get("metadata", "namespace").string_or("");
        clusters[ns + "/" + cluster].push_back(&document);
    }
    for (const auto& [name, claims] : clusters) {
        const std::string cluster = name.substr(name.find('/') + 1);
        if (std::none_of(claims.begin(), claims.end(),
                         [](const Document* one) { return is_decorated(one->object()); }))
            continue;
        std::string chosen;
        for (Document* claim : claims) {
            if (is_excluded(claim->object())) continue;
            const std::string instance = model::instance_of(claim->object()).instance;
            if (chosen.empty()) chosen = instance;
            if (instance == chosen) continue;
            claim->problems.warning("/metadata/name", "mixed-instances",
                                    "the volumes of '" + chosen + "' and of '" + instance +
                                        "' would both be backed up, as one cluster '" + cluster + "'",
                                    "they are of different moments: exclude all instances but one");
            break;
        }
        if (!chosen.empty()) continue;
        claims.front()->problems.at_key(Severity::kWarning, "/metadata/labels", "all-volumes-excluded",
                                        "every volume of the cluster '" + cluster + "' is excluded",
                                        "the backup would hold no data: leave one instance in");
    }
}

void check_profiles(std::span<Document> documents) {
    const auto keeps_snapshots = [](const Document& document) {
        if (document.kind() != "Blueprint") return false;
        for (const auto& [name, action] : document.object()["actions"].map_or_empty()) {
            for (const auto& [artifact, value] : action["outputArtifacts"].map_or_empty()) {
                if (value.find("kopiaSnapshot") != nullptr) return true;
            }
        }
        return false;
    };
    if (std::none_of(documents.begin(), documents.end(), keeps_snapshots)) return;
    for (Document& document : documents) {
        if (document.kind() != "Profile") continue;
        const Value& location = document.object().get("spec", "locationSpec", "location");
        if (location["locationType"].string_or("") != "VBR") continue;
        document.problems.error("/spec/locationSpec/location/locationType", "vbr-profile",
                                "a blueprint's kopiaSnapshot cannot be kept in a VBR location",
                                "give the policy an object store or file store for what blueprints make");
    }
}

}  // namespace fencepost::lint
