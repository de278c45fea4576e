// Hooks around a snapshot: what they must not do, and what must not be missing.
#include <algorithm>
#include <chrono>
#include <optional>

#include "base/encodings.h"
#include "base/error.h"
#include "lint/rule_set.h"

namespace fencepost::lint {
namespace {

using model::child;
using model::Severity;
using Nanoseconds = std::chrono::nanoseconds;

// What a backup platform gives a hook: Kasten's timeout.blueprintHooks.
constexpr Nanoseconds kHookTimeout = std::chrono::minutes{20};

std::optional<Nanoseconds> duration_in(const Value& value) {
    if (!value.is_string()) return std::nullopt;
    try {
        return parse_duration(value.as_string());
    } catch (const Error&) {
        return std::nullopt;
    }
}

// The longest --timeout of a script's commands.
Nanoseconds scripted_timeout(const PhasePlace& place) {
    Nanoseconds longest{0};
    for (const Script& script : scripts_of(place)) {
        for (const ShellCommand& command : script.commands) {
            for (const ShellWord& word : command.words) {
                if (!word.text.starts_with("--timeout=")) continue;
                longest =
                    std::max(longest, duration_in(Value(word.text.substr(10))).value_or(Nanoseconds{0}));
            }
        }
    }
    return longest;
}

// How long a phase may take as far as it says.
Nanoseconds longest_run(const PhasePlace& place) {
    if (const auto limit = duration_in((*place.phase)["timeout"])) return *limit;
    const bool is_wait = place.func() == "Wait" || place.func() == "WaitV2";
    if (is_wait) return duration_in(place.args()["timeout"]).value_or(Nanoseconds{0});
    return scripted_timeout(place);
}

void check_hook_time(Document& document) {
    std::string action;
    Nanoseconds sum{0};
    bool is_told = false;
    for (const PhasePlace& place : document.phases) {
        if (!place.action.ends_with("Prehook") && !place.action.ends_with("Posthook")) continue;
        if (place.action != action) {
            action = place.action;
            sum = Nanoseconds{0};
            is_told = false;
        }
        sum += longest_run(place);
        if (sum <= kHookTimeout || is_told) continue;
        is_told = true;
        document.problems.warning(
            place.pointer, "hook-timeout",
            "up to here " + action + " may take " + format_duration(sum) + "; a hook gets 20m",
            "the platform gives up meanwhile: shorten it, or raise the hook timeout there");
    }
}

void check_volumes_in_prehook(Document& document) {
    for (const PhasePlace& place : document.phases) {
        if (place.action != "backupPrehook") continue;
        for (const Text& text : strings_of(place.args(), place.args_pointer())) {
            const std::size_t at = text.text.find("PersistentVolumeClaim");
            if (at == std::string::npos) continue;
            const bool creates =
                (place.func() == "KubeOps" && place.args()["operation"].string_or("create") == "create") ||
                text.text.find("kubectl apply") != std::string::npos ||
                text.text.find("kubectl create") != std::string::npos;
            if (!creates) continue;
            document.within(Severity::kWarning, text, at, "pvc-in-prehook",
                            "a PersistentVolumeClaim that backupPrehook makes is not in the backup",
                            "what is backed up is settled before: make it in the policy's preHook");
            break;
        }
    }
}

// The replica may have changed meanwhile: what was fenced is what the prehook wrote down.
void check_posthook_finds_its_pod(Document& document) {
    const Value& actions = document.object()["actions"];
    if (actions["backupPrehook"].is_nil()) return;
    for (const PhasePlace& place : document.phases) {
        if (place.action != "backupPosthook") continue;
        for (const Script& script : scripts_of(place)) {
            for (const ShellCommand& command : script.commands) {
                const auto words = command.arguments();
                const bool gets_pods =
                    (command.name() == "kubectl" || command.name() == "oc") && words.size() > 1 &&
                    words[0].text == "get" &&
                    (words[1].text == "po" || words[1].text == "pod" || words[1].text == "pods");
                const bool selects = std::any_of(words.begin(), words.end(), [](const ShellWord& word) {
                    return word.text == "-l" || word.text.starts_with("-l=") ||
                           word.text.starts_with("--selector");
                });
                if (!gets_pods || !selects) continue;
                document.within(Severity::kWarning, script.source, command.offset(), "posthook-finds-anew",
                                "backupPosthook looks for the Pod anew and may find another one",
                                "take it from an output artifact of backupPrehook");
                return;
            }
        }
    }
}

void check_fences(Document& document) {
    const Value& actions = document.object()["actions"];
    for (const PhasePlace& place : document.phases) {
        if (place.func() != "Fence") continue;
        const bool has_undo =
            std::any_of(document.phases.begin(), document.phases.end(), [&](const PhasePlace& other) {
                return other.func() == "Unfence" &&
                       (other.action == place.action || other.action.ends_with("Posthook"));
            });
        if (has_undo || !actions["backupPosthook"].is_nil()) continue;
        document.problems.warning(child(place.pointer, "func"), "fence-without-unfence",
                                  "nothing in the blueprint lifts this fence",
                                  "deferPhase: {func: Unfence, name: unfence}; else it is lifted when the "
                                  "action ends, at its time limit at the latest");
    }
}

// What restore and delete read must come from backup.
void check_artifact_flow(Document& document) {
    const Value& actions = document.object()["actions"];
    const Value& backup = actions["backup"];
    if (!backup.is_map()) return;
    std::vector<std::string> made;
    for (const char* name : {"backup", "backupPrehook", "backupPosthook"}) {
        for (const auto& [artifact, value] : actions[name]["outputArtifacts"].map_or_empty())
            made.push_back(artifact);
    }
    for (const PhasePlace& place : document.phases) {
        if (!place.action.starts_with("restore") && place.action != "delete") continue;
        for (const Text& text : strings_of(place.args(), place.args_pointer())) {
            for (const FieldUse& field : fields_in(text.text)) {
                if (field.path.size() < 2 || field.path[0] != "ArtifactsIn") continue;
                const std::string& artifact = field.path[1];
                if (std::find(made.begin(), made.end(), artifact) != made.end()) continue;
                const std::string near = model::nearest(artifact, made);
                document.within(Severity::kError, text, field.offset, "unmade-artifact",
                                "backup makes no artifact '" + artifact + "'",
                                near.empty() ? "name it in the outputArtifacts of backup"
                                             : "did you mean '" + near + "'?");
            }
        }
    }
}

}  // namespace

void check_lifecycle(Document& document) {
    check_hook_time(document);
    check_volumes_in_prehook(document);
    check_posthook_finds_its_pod(document);
    check_fences(document);
    check_artifact_flow(document);
}

}  // namespace fencepost::lint
