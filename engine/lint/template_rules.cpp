// What templates take: secrets into command text, fields that are empty there, values that were never made.
#include <algorithm>
#include <map>
#include <set>

#include "base/ascii.h"
#include "lint/rule_set.h"

namespace fencepost::lint {
namespace {

using model::child;
using model::Severity;
using Path = std::vector<std::string>;

bool has(const std::vector<std::string>& list, std::string_view one) {
    return std::find(list.begin(), list.end(), one) != list.end();
}

std::string shown(const Path& path) {
    std::string text;
    for (const std::string& part : path) text += "." + part;
    return text;
}

bool sounds_secret(const std::string& name) {
    const std::string low = ascii_lower(name);
    for (const char* word : {"password", "passwd", "secret", "token", "private", "credential"}) {
        if (low.find(word) != std::string::npos) return true;
    }
    return false;
}

// The data of a Secret: .Secrets.x.Data.y, .Phases.p.Secrets.x.Data.y. Also all of it at once.
bool is_secret_data(const Path& path) {
    const std::size_t at = path[0] == "Phases" ? 2 : path[0] == "DeferPhase" ? 1 : 0;
    if (path.size() <= at || path[at] != "Secrets") return false;
    return path.size() <= at + 2 || path[at + 2] == "Data" || path[at + 2] == "StringData";
}

// Does the text that a use of the field renders hold a secret?
bool is_secret(const FieldUse& use) {
    if (use.is_tested) return false;
    const Path& path = use.path;
    if (is_secret_data(path)) return true;
    if (path[0] == "Profile") return path.size() == 1 || path[1] == "Credential";
    return path.size() >= 3 && path[0] == "Object" && path[1] == "data" && sounds_secret(path.back());
}

class FieldRules {
  public:
    FieldRules(Document& document, std::span<const PhasePlace> phases)
        : document_(document), phases_(phases) {}

    void phase(const PhasePlace& place) {
        for (const auto& [name, value] : place.args().map_or_empty()) {
            const bool is_command = is_command_argument(name);
            for (const Text& text : strings_of(value, child(place.args_pointer(), name)))
                check(text, place.action, *place.definition, is_command ? Use::kCommand : Use::kArgument);
        }
    }

    void artifacts(const std::string& action, const Value& definition) {
        const std::string pointer = child(child("/actions", action), "outputArtifacts");
        for (const Text& text : strings_of(definition["outputArtifacts"], pointer))
            check(text, action, definition, Use::kArtifact);
    }

  private:
    enum class Use { kArgument, kCommand, kArtifact };

    void check(const Text& text, const std::string& action, const Value& definition, Use use) {
        for (const FieldUse& field : fields_in(text.text)) {
            if (field.path.empty()) continue;
            if (use != Use::kArgument && is_secret(field)) secret(text, field, use);
            bytes(text, field);
            vain_default(text, field);
            object_case(text, field);
            namespace_name(text, field, action, definition);
            never_made(text, field, action);
            artifact(text, field, action);
        }
    }

    void secret(const Text& text, const FieldUse& field, Use use) {
        if (use == Use::kCommand) {
            return document_.within(
                Severity::kWarning, text, field.offset, "secret-in-command",
                shown(field.path) + " becomes part of the command's text",
                "everybody who sees the Pod or its processes can read it: give it as an environment variable "
                "by podOverride");
        }
        document_.within(Severity::kWarning, text, field.offset, "secret-in-artifact",
                         shown(field.path) + " is written into the ActionSet's status",
                         "keep it in a Secret, and its name in the artifact");
    }

    // Secret data is bytes, which a template prints as numbers.
    void bytes(const Text& text, const FieldUse& field) {
        const bool is_value = is_secret_data(field.path) && field.path.size() >= 3 &&
                              field.path[field.path.size() - 2] == "Data";
        if (!is_value || field.is_tested || !field.functions.empty()) return;
        document_.within(Severity::kWarning, text, field.offset, "secret-bytes",
                         shown(field.path) + " is bytes, which print as [104 105]",
                         "{{ " + shown(field.path) + " | toString }}");
    }

    // missingkey=error: the field fails before default sees it.
    void vain_default(const Text& text, const FieldUse& field) {
        if (field.is_indexed || !has(field.functions, "default") || field.functions.front() != "default")
            return;
        const std::string& root = field.path[0];
        const bool may_miss = (root == "Options" && field.path.size() == 2) ||
                              (root == "Phases" && field.path.size() == 4 && field.path[2] == "Output") ||
                              (root == "Object" && field.path.size() > 2);
        if (!may_miss) return;
        Path map(field.path.begin(), field.path.end() - 1);
        document_.within(Severity::kWarning, text, field.offset, "vain-default",
                         "where " + shown(field.path) + " is missing, the template fails before default",
                         "index " + shown(map) + " \"" + field.path.back() + "\" | default ...");
    }

    // .Object is the object's JSON: its names are lower-case.
    void object_case(const Text& text, const FieldUse& field) {
        if (field.path[0] != "Object" || field.path.size() < 2 || field.is_indexed) return;
        const std::string& name = field.path[1];
        if (name.empty() || name[0] < 'A' || name[0] > 'Z') return;
        std::string json = name == "ObjectMeta" ? "metadata" : name;
        json[0] = static_cast<char>(json[0] - (name == "ObjectMeta" ? 0 : 'A' - 'a'));
        document_.within(Severity::kError, text, field.offset, "object-field",
                         ".Object has no " + name + ": it is the object's JSON",
                         "did you mean '.Object." + json + "'?");
        document_.problems.fix_last(".Object." + name, ".Object." + json);
    }

    // .Namespace is there only for actions on a whole namespace.
    void namespace_name(const Text& text, const FieldUse& field, const std::string& action,
                        const Value& definition) {
        if (field.path[0] != "Namespace" || field.is_tested || field.is_guarded) return;
        const std::string kind = definition["kind"].string_or("");
        if (kind == "Namespace" || kind == "namespace") return;
        document_.within(Severity::kWarning, text, field.offset, "namespace-parameter",
                         shown(field.path) + " is empty where '" + action + "' runs for a resource",
                         ".Object.metadata.namespace, or kind: Namespace on the action");
    }

    // .Phases.x.Output.y where x's scripts are all there to see, and none says y.
    void never_made(const Text& text, const FieldUse& field, const std::string& action) {
        const Path& path = field.path;
        if (path[0] != "Phases" || path.size() < 4 || path[2] != "Output" || field.is_indexed) return;
        for (const PhasePlace& place : phases_) {
            if (place.action != action || place.is_defer || place.name() != path[1]) continue;
            const auto scripts = scripts_of(place);
            const bool all_seen =
                !scripts.empty() && std::all_of(scripts.begin(), scripts.end(),
                                                [](const Script& script) { return !script.shell.empty(); });
            if (!all_seen) return;
            for (const Script& script : scripts) {
                if (script.source.text.find(path[3]) != std::string::npos) return;
                // A name that is put together, or told by something else.
                if (script.source.text.find("kando output \"$") != std::string::npos) return;
            }
            document_.within(Severity::kWarning, text, field.offset, "unknown-output",
                             "the phase '" + path[1] + "' never says '" + path[3] + "'",
                             "kando output " + path[3] + " \"...\" in its script");
            return;
        }
    }

    // .ArtifactsIn.a.KeyValue.k: made by some action of this blueprint, if any makes a.
    void artifact(const Text& text, const FieldUse& field, const std::string& action) {
        const Path& path = field.path;
        if (path[0] != "ArtifactsIn" || path.size() < 4 || path[2] != "KeyValue" || field.is_indexed) return;
        bool is_made = false;
        std::vector<std::string> keys;
        for (const auto& [name, definition] : document_.object()["actions"].map_or_empty()) {
            if (name == action) continue;
            const Value& made = definition.get("outputArtifacts", path[1]);
            if (made.is_nil()) continue;
            is_made = true;
            for (const auto& [key, value] : made["keyValue"].map_or_empty()) keys.push_back(key);
        }
        if (!is_made || has(keys, path[3])) return;
        const std::string near = model::nearest(path[3], keys);
        document_.within(Severity::kError, text, field.offset, "unknown-artifact-key",
                         "no action puts '" + path[3] + "' into the artifact '" + path[1] + "'",
                         near.empty() ? "" : "did you mean '" + near + "'?");
    }

    Document& document_;
    std::span<const PhasePlace> phases_;
};

}  // namespace

void check_fields(Document& document) {
    FieldRules rules(document, document.phases);
    for (const PhasePlace& place : document.phases) {
        if (place.func() != "Wait" && place.func() != "WaitV2") rules.phase(place);
    }
    for (const auto& [name, action] : document.object()["actions"].map_or_empty())
        rules.artifacts(name, action);
}

}  // namespace fencepost::lint
