#include <algorithm>
#include <map>
#include <set>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "model/validate_parts.h"

namespace fencepost::model {
namespace {

// Kinds that Kanister knows how to find; any other needs its apiVersion and resource.
bool is_known_kind(std::string_view kind) {
    constexpr std::array<std::string_view, 5> kKnown{"statefulset", "deployment", "deploymentconfig", "pvc",
                                                     "namespace"};
    return std::any_of(kKnown.begin(), kKnown.end(),
                       [&](std::string_view known) { return equal_without_case(kind, known); });
}

void check_object(const Value& object, const std::string& pointer, const std::string& action,
                  Problems& problems) {
    if (object.is_nil()) {
        problems.error(action, "missing-field", "the action has no object to work on");
        return;
    }
    if (!object.is_map()) {
        problems.check(object, pointer, Kind::kMap);
        return;
    }
    const std::string kind = object["kind"].string_or("");
    if (is_known_kind(kind))
        return check_reference(object, pointer, "the object", {"name", "namespace"}, problems);
    if (kind == "unstructured")
        return check_reference(object, pointer, "the object", {"resource", "name"}, problems);
    check_reference(object, pointer, "the object", {"kind", "name"}, problems);
    if (object["resource"].string_or("").empty() || object["apiVersion"].string_or("").empty()) {
        problems.error(pointer, "missing-field",
                       "an object of kind '" + kind + "' needs apiVersion and resource",
                       "as in {kind: Secret, apiVersion: v1, resource: secrets, name: ..., namespace: ...}");
    }
}

void check_references(const Value& references, const std::string& pointer, std::string_view what,
                      Problems& problems) {
    if (!problems.check(references, pointer, Kind::kMap)) return;
    for (const auto& [name, reference] : references.map_or_empty()) {
        check_reference(reference, child(pointer, name), std::string(what) + " '" + name + "'",
                        {"name", "namespace"}, problems);
    }
}

void check_version(const Value& version, const std::string& pointer, Problems& problems) {
    if (!problems.check(version, pointer, Kind::kString) || version.string_or("").empty()) return;
    std::string_view text = version.as_string();
    if (text.starts_with('v')) text.remove_prefix(1);
    const bool starts_well = !text.empty() && text.front() >= '0' && text.front() <= '9';
    if (!starts_well ||
        text.find_first_not_of("0123456789.-+abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") !=
            std::string_view::npos) {
        problems.error(pointer, "invalid-version", "'" + version.as_string() + "' is no version",
                       "as in v0.0.0");
    }
}

void check_action(const Value& action, const std::string& pointer, Problems& problems) {
    problems.only(
        action, pointer,
        {"name", "object", "blueprint", "artifacts", "configMaps", "secrets", "profile", "podOverride",
         "podLabels", "podAnnotations", "options", "preferredVersion", "dependsOn", "timeout"});
    problems.require_text(action["name"], action["name"].is_nil() ? pointer : child(pointer, "name"),
                          "the action's name");
    problems.require_text(action["blueprint"],
                          action["blueprint"].is_nil() ? pointer : child(pointer, "blueprint"),
                          "the action's blueprint");
    check_object(action["object"], child(pointer, "object"), pointer, problems);
    const std::string artifacts = child(pointer, "artifacts");
    if (problems.check(action["artifacts"], artifacts, Kind::kMap)) {
        for (const auto& [name, artifact] : action["artifacts"].map_or_empty())
            check_artifact(artifact, child(artifacts, name), problems);
    }
    check_references(action["configMaps"], child(pointer, "configMaps"), "the ConfigMap", problems);
    check_references(action["secrets"], child(pointer, "secrets"), "the Secret", problems);
    if (!action["profile"].is_nil()) {
        check_reference(action["profile"], child(pointer, "profile"), "the profile", {"name", "namespace"},
                        problems);
    }
    problems.check(action["podOverride"], child(pointer, "podOverride"), Kind::kMap);
    for (const char* map : {"podLabels", "podAnnotations", "options"})
        problems.text_map(action[map], child(pointer, map));
    check_version(action["preferredVersion"], child(pointer, "preferredVersion"), problems);
    problems.texts(action["dependsOn"], child(pointer, "dependsOn"));
    check_duration(action["timeout"], child(pointer, "timeout"), problems);
}

// dependsOn: names that are there, and no circle.
class Dependencies {
  public:
    Dependencies(const List& actions, Problems& problems) : actions_(actions), problems_(problems) {}

    void check() {
        std::vector<std::string> names;
        for (const Value& action : actions_) names.push_back(action["name"].string_or(""));
        for (std::size_t i = 0; i < actions_.size(); ++i) {
            const List& wanted = actions_[i]["dependsOn"].list_or_empty();
            for (std::size_t j = 0; j < wanted.size(); ++j) {
                const std::string name = wanted[j].string_or("");
                const std::string place = child(child(child("/spec/actions", i), "dependsOn"), j);
                if (name == names[i]) {
                    problems_.error(place, "dependency-cycle", "the action '" + name + "' depends on itself");
                } else if (std::find(names.begin(), names.end(), name) == names.end()) {
                    problems_.error(place, "unknown-action", "this ActionSet has no action '" + name + "'",
                                    hint_among(name, names, "it has "));
                } else {
                    edges_[names[i]].insert(name);
                }
            }
        }
        for (std::size_t i = 0; i < names.size(); ++i) {
            if (!reaches_itself(names[i])) continue;
            problems_.error(child(child("/spec/actions", i), "dependsOn"), "dependency-cycle",
                            "the action '" + names[i] + "' waits for actions that wait for it");
            return;  // one circle is told once
        }
    }

  private:
    bool reaches_itself(const std::string& start) {
        std::set<std::string> seen;
        std::vector<std::string> todo{start};
        while (!todo.empty()) {
            const std::string name = todo.back();
            todo.pop_back();
            for (const std::string& next : edges_[name]) {
                if (next == start) return true;
                if (seen.insert(next).second) todo.push_back(next);
            }
        }
        return false;
    }

    const List& actions_;
    Problems& problems_;
    std::map<std::string, std::set<std::string>> edges_;
};

}  // namespace

void validate_action_set(const Value& object, Problems& problems) {
    problems.only(object, "", {"apiVersion", "kind", "metadata", "spec", "status"});
    check_metadata(object, problems);
    const Value& spec = object["spec"];
    if (!problems.check(spec, "/spec", Kind::kMap)) return;
    problems.only(spec, "/spec", {"actions", "cancel"});
    problems.check(spec["cancel"], "/spec/cancel", Kind::kBool);
    if (!problems.check(spec["actions"], "/spec/actions", Kind::kList)) return;
    const List& actions = spec["actions"].list_or_empty();
    if (actions.empty()) problems.warning("/spec", "no-actions", "the ActionSet has no actions");
    for (std::size_t i = 0; i < actions.size(); ++i) {
        const std::string pointer = child("/spec/actions", i);
        if (actions[i].is_map()) {
            check_action(actions[i], pointer, problems);
        } else {
            problems.error(pointer, "wrong-type",
                           to_path(pointer) + " must be a map with name, blueprint and object");
        }
    }
    Dependencies(actions, problems).check();
}

}  // namespace fencepost::model
