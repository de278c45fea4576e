#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/ascii.h"
#include "model/binding.h"
#include "model/removed_function.h"
#include "model/template_check.h"
#include "model/validate_parts.h"
#include "model/verification.h"

namespace fencepost::model {
namespace {

std::optional<std::vector<std::string>> names_in(const Value& list) {
    std::vector<std::string> names;
    for (const Value& item : list.list_or_empty()) names.push_back(item.string_or(""));
    return names;
}

class ActionCheck {
  public:
    ActionCheck(const Value& action, std::string pointer, std::span<const FunctionSpec> functions,
                Problems& problems)
        : action_(action), pointer_(std::move(pointer)), functions_(functions), problems_(problems) {}

    void run() {
        problems_.only(action_, pointer_,
                       {"name", "kind", "configMapNames", "secretNames", "inputArtifactNames",
                        "outputArtifacts", "phases", "deferPhase", "sharedBy"});
        problems_.check(action_["name"], child(pointer_, "name"), Kind::kString);
        problems_.check(action_["kind"], child(pointer_, "kind"), Kind::kString);
        for (const char* list : {"configMapNames", "secretNames", "inputArtifactNames"}) {
            problems_.texts(action_[list], child(pointer_, list));
        }
        const std::string phases = child(pointer_, "phases");
        if (!problems_.check(action_["phases"], phases, Kind::kList)) return;
        const std::string defer = child(pointer_, "deferPhase");
        if (!problems_.check(action_["deferPhase"], defer, Kind::kMap)) return;

        const List& list = action_["phases"].list_or_empty();
        gather_facts(list);
        if (problems_.check(action_["sharedBy"], child(pointer_, "sharedBy"), Kind::kString))
            check_template(action_["sharedBy"].string_or(""), child(pointer_, "sharedBy"), scope_, problems_);
        for (std::size_t i = 0; i < list.size(); ++i) {
            scope_.finished = i;
            scope_.current = i;
            check_phase(list[i], child(phases, i));
        }
        scope_.finished = list.size();
        scope_.current.reset();
        if (!action_["deferPhase"].is_nil()) {
            scope_.is_defer = true;
            check_phase(action_["deferPhase"], defer);
            scope_.is_defer = false;
        }
        scope_.has_defer_output = true;
        check_outputs();
    }

  private:
    void gather_facts(const List& phases) {
        scope_.artifacts = names_in(action_["inputArtifactNames"]);
        scope_.secrets = names_in(action_["secretNames"]);
        scope_.config_maps = names_in(action_["configMapNames"]);
        for (const Value& phase : phases) {
            PhaseFacts facts{.name = phase["name"].string_or(""), .func = phase["func"].string_or("")};
            if (const FunctionSpec* spec = find(facts.func))
                facts.outputs.assign(spec->outputs.begin(), spec->outputs.end());
            for (const auto& [name, reference] : phase["objects"].map_or_empty()) {
                const std::string kind = ascii_lower(reference["kind"].string_or(""));
                if (kind == "secret") facts.secrets.push_back(name);
                if (kind == "configmap") facts.config_maps.push_back(name);
            }
            scope_.phases.push_back(std::move(facts));
        }
    }

    [[nodiscard]] const FunctionSpec* find(std::string_view name) const {
        const auto found = std::find_if(functions_.begin(), functions_.end(),
                                        [&](const FunctionSpec& one) { return one.name == name; });
        return found == functions_.end() ? nullptr : &*found;
    }

    void check_phase(const Value& phase, const std::string& pointer) {
        if (!phase.is_map()) {
            problems_.error(pointer, "wrong-type",
                            to_path(pointer) + " must be a map with func, name and args");
            return;
        }
        problems_.only(phase, pointer,
                       {"func", "name", "objects", "args", "timeout", "retries", "backoff", "if"});
        check_name(phase, pointer);
        check_objects(phase["objects"], child(pointer, "objects"));
        check_duration(phase["timeout"], child(pointer, "timeout"), problems_);
        check_duration(phase["backoff"], child(pointer, "backoff"), problems_);
        check_retries(phase["retries"], child(pointer, "retries"));
        check_condition(phase["if"], child(pointer, "if"));
        if (problems_.check(phase["args"], child(pointer, "args"), Kind::kMap))
            check_function(phase, pointer);
    }

    void check_name(const Value& phase, const std::string& pointer) {
        const std::string place = child(pointer, "name");
        if (!problems_.require_text(phase["name"], phase["name"].is_nil() ? pointer : place,
                                    "the phase's name"))
            return;
        const std::string name = phase["name"].as_string();
        if (!names_.insert(name).second) {
            problems_.error(place, "duplicate-phase", "the action has two phases '" + name + "'",
                            "their outputs would overwrite each other's");
        }
    }

    void check_objects(const Value& objects, const std::string& pointer) {
        if (!problems_.check(objects, pointer, Kind::kMap)) return;
        TemplateScope launch = scope_;
        launch.is_launch = true;
        for (const auto& [name, reference] : objects.map_or_empty()) {
            const std::string place = child(pointer, name);
            check_reference(reference, place, "the object '" + name + "'", {"kind", "name", "namespace"},
                            problems_);
            check_templates(reference, place, launch, problems_);
            const std::string kind = reference["kind"].string_or("");
            if (kind.empty() || has_template(kind) || ascii_lower(kind) == "secret" ||
                ascii_lower(kind) == "configmap")
                continue;
            const std::string near = nearest(kind, {"Secret", "ConfigMap"});
            problems_.warning(child(place, "kind"), "ignored-object",
                              "a " + kind + " is not fetched for a phase: only Secrets and ConfigMaps are",
                              near.empty() ? "" : "did you mean '" + near + "'?");
        }
    }

    void check_retries(const Value& retries, const std::string& pointer) {
        if (retries.is_nil() ||
            (retries.kind() == Kind::kInt && retries.as_int() >= 0 && retries.as_int() <= 1'000'000))
            return;
        problems_.error(pointer, "wrong-type", "retries must be a whole number, 0 or more");
    }

    void check_condition(const Value& condition, const std::string& pointer) {
        if (condition.is_nil() || condition.is_bool() || !problems_.check(condition, pointer, Kind::kString))
            return;
        const std::string& text = condition.as_string();
        check_template(text, pointer, scope_, problems_);
        if (has_template(text) || text == "true" || text == "false") return;
        problems_.warning(pointer, "constant-condition",
                          "'" + text + "' is never 'true': the phase is always skipped",
                          "a condition is a template: {{ ... }}");
    }

    void check_function(const Value& phase, const std::string& pointer) {
        const std::string place = child(pointer, "func");
        if (!problems_.require_text(phase["func"], phase["func"].is_nil() ? pointer : place,
                                    "the phase's func"))
            return;
        const std::string name = phase["func"].as_string();
        check_arg_templates(name, phase["args"], child(pointer, "args"));
        if (functions_.empty()) return;
        if (const FunctionSpec* spec = find(name))
            return check_args(*spec, phase["args"], pointer, problems_);
        const std::string message = "there is no function '" + name + "'";
        if (const std::string instead = instead_of(name); !instead.empty())
            return problems_.error(place, "unknown-function", message, instead);
        std::vector<std::string> names;
        for (const FunctionSpec& spec : functions_) names.emplace_back(spec.name);
        problems_.error(place, "unknown-function", message, hint_among(name, names));
        if (const std::string near = nearest(name, names); !near.empty()) problems_.fix_last(name, near);
    }

    // Wait and WaitV2 render their conditions themselves: with the object as dot, and in Wait's after its
    // JSONPath expressions have been replaced, so that its text is no template yet.
    void check_arg_templates(const std::string& function, const Value& args, const std::string& pointer) {
        const bool is_wait = ascii_lower(function) == "wait";
        const bool has_conditions = is_wait || ascii_lower(function) == "waitv2";
        for (const auto& [key, value] : args.map_or_empty()) {
            const std::string place = child(pointer, key);
            if (!has_conditions || key != "conditions") {
                check_null_items(value, place);
                check_templates(value, place, scope_, problems_);
                continue;
            }
            TemplateScope elsewhere;
            elsewhere.dot = TemplateScope::Dot::kElsewhere;
            for (const auto& [list, items] : value.map_or_empty()) {
                for (std::size_t i = 0; i < items.list_or_empty().size(); ++i) {
                    const Value& item = items.as_list()[i];
                    const std::string at = child(child(place, list), i);
                    check_templates(item["objectReference"], child(at, "objectReference"), scope_, problems_);
                    if (!is_wait)
                        check_templates(item["condition"], child(at, "condition"), elsewhere, problems_);
                }
            }
        }
    }

    void check_null_items(const Value& value, const std::string& pointer) {
        std::size_t index = 0;
        for (const Value& item : value.list_or_empty()) {
            const std::string place = child(pointer, index++);
            if (item.is_nil())
                problems_.warning(place, "null-arg", to_path(place) + " is null",
                                  "Kanister's controller stops at a null");
            check_null_items(item, place);
        }
    }

    void check_outputs() {
        const std::string pointer = child(pointer_, "outputArtifacts");
        if (!problems_.check(action_["outputArtifacts"], pointer, Kind::kMap)) return;
        for (const auto& [name, artifact] : action_["outputArtifacts"].map_or_empty()) {
            check_artifact(artifact, child(pointer, name), problems_);
            check_templates(artifact, child(pointer, name), scope_, problems_);
        }
    }

    const Value& action_;
    const std::string pointer_;
    std::span<const FunctionSpec> functions_;
    Problems& problems_;
    TemplateScope scope_;
    std::set<std::string> names_;
};

// What a bound resource's lifecycle calls is found by exact name; these slips have been seen.
void check_action_names(const Value& actions, Problems& problems) {
    const auto has = [&](std::string_view name) { return actions.find(name) != nullptr; };
    for (const auto& [name, action] : actions.map_or_empty()) {
        for (const std::string& known : lifecycle_actions()) {
            if (name == known || ascii_lower(name) != ascii_lower(known)) continue;
            problems.at_key(Severity::kWarning, child("/actions", name), "action-name",
                            "the lifecycle of a bound resource does not call '" + name + "'",
                            "did you mean '" + known + "'?");
            if (!has(known)) problems.fix_last(name, known);
        }
    }
    for (const auto& [with, without] :
         {std::pair{"backup", "restore"}, std::pair{"backupPrehook", "backupPosthook"}}) {
        if (!has(with) || has(without)) continue;
        problems.at_key(Severity::kWarning, child("/actions", with), "BND-W08",
                        "there is an action " + std::string(with) + " but no " + without);
    }
    const auto refusal = has("verify") ? why_not_verifiable(actions) : std::nullopt;
    if (refusal) {
        problems.at_key(Severity::kError, "/actions/verify", "not-verifiable",
                        "a restore point by this blueprint cannot be verified: " + refusal->why,
                        refusal->hint);
    }
    const Value* backup = actions.find("backup");
    if (backup == nullptr || has("delete") || (*backup)["outputArtifacts"].map_or_empty().empty()) return;
    problems.at_key(Severity::kWarning, "/actions/backup", "BND-W08",
                    "there is an action backup but no delete",
                    "what it stores stays when the backup is retired");
}

// Kanister's own validation wants names to be unique in the whole blueprint; its controller does not care.
void check_names_across(const Value& actions, Problems& problems) {
    std::map<std::string, std::string> owner;
    for (const auto& [name, action] : actions.map_or_empty()) {
        const std::string pointer = child("/actions", name);
        std::set<std::string> mine;
        const auto check = [&](const Value& phase, const std::string& place) {
            const std::string phase_name = phase["name"].string_or("");
            if (phase_name.empty() || !mine.insert(phase_name).second) return;
            const auto [found, is_new] = owner.emplace(phase_name, name);
            if (is_new) return;
            problems.warning(child(place, "name"), "duplicate-phase",
                             "the action '" + found->second + "' has a phase '" + phase_name + "' too",
                             "kanctl validate refuses that");
        };
        std::size_t index = 0;
        for (const Value& phase : action["phases"].list_or_empty())
            check(phase, child(child(pointer, "phases"), index++));
        check(action["deferPhase"], child(pointer, "deferPhase"));
    }
}

// An artifact that an action reads and none makes: whoever restores will find out.
void check_artifacts_across(const Value& actions, Problems& problems) {
    std::vector<std::string> made;
    for (const auto& [name, action] : actions.map_or_empty()) {
        for (const auto& [artifact, value] : action["outputArtifacts"].map_or_empty())
            made.push_back(artifact);
    }
    // Without a backup of its own the blueprint reads what another one made.
    if (made.empty() && actions.find("backup") == nullptr) return;
    for (const auto& [name, action] : actions.map_or_empty()) {
        const std::string pointer = child(child("/actions", name), "inputArtifactNames");
        std::size_t index = 0;
        for (const Value& artifact : action["inputArtifactNames"].list_or_empty()) {
            const std::string place = child(pointer, index++);
            const std::string wanted = artifact.string_or("");
            if (wanted.empty() || std::find(made.begin(), made.end(), wanted) != made.end()) continue;
            problems.warning(place, "unknown-artifact", "no action has an output artifact '" + wanted + "'",
                             hint_among(wanted, made));
        }
    }
}

}  // namespace

void validate_blueprint(const Value& object, std::span<const FunctionSpec> functions, Problems& problems) {
    problems.only(object, "", {"apiVersion", "kind", "metadata", "actions"});
    check_metadata(object, problems);
    const Value& actions = object["actions"];
    if (!problems.check(actions, "/actions", Kind::kMap)) return;
    if (actions.map_or_empty().empty())
        problems.warning("/actions", "no-actions", "the blueprint has no actions");
    for (const auto& [name, action] : actions.map_or_empty()) {
        const std::string pointer = child("/actions", name);
        if (!action.is_map()) {
            problems.error(pointer, "wrong-type", to_path(pointer) + " must be a map with phases");
            continue;
        }
        ActionCheck(action, pointer, functions, problems).run();
    }
    check_action_names(actions, problems);
    check_names_across(actions, problems);
    check_artifacts_across(actions, problems);
}

}  // namespace fencepost::model
