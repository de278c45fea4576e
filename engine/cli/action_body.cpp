#include "cli/action_body.h"

#include "cli/object_name.h"

namespace fencepost::cli {

std::map<std::string, std::string> key_values(const std::vector<std::string>& texts, std::string_view flag) {
    std::map<std::string, std::string> result;
    for (const std::string& text : texts) {
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            throw UsageError(std::string(flag) + " " + text + " has no value",
                             "write " + std::string(flag) + " KEY=VALUE");
        }
        result[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return result;
}

Value profile_reference(const std::string& text) {
    const NamespacedName profile = parse_namespaced_name(text, "");
    Value reference;
    reference["name"] = profile.name;
    if (!profile.ns.empty()) reference["namespace"] = profile.ns;
    return reference;
}

Value action_body(const RunOptions& options, const Value& subject) {
    Value body;
    body["action"] = options.action;
    if (!subject.is_nil()) {
        body["subject"] = subject;
    } else if (options.from.empty()) {
        throw UsageError("what should '" + options.action + "' be run on?",
                         "give --object KIND/NAME, or --from ID to use that action's object");
    }
    if (!options.blueprint.empty()) body["blueprint"] = options.blueprint;
    if (!options.from.empty()) body["from"] = options.from;
    if (!options.timeout.empty()) body["timeout"] = options.timeout;
    if (!options.profile.empty()) body["profile"] = profile_reference(options.profile);
    for (const auto& [key, value] : key_values(options.options, "--option")) body["options"][key] = value;
    return body;
}

}  // namespace fencepost::cli
