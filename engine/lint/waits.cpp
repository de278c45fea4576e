// Conditions that are waited for: that they can fail, that they end, that their objects can be found.
#include <algorithm>
#include <chrono>

#include "base/ascii.h"
#include "base/encodings.h"
#include "base/error.h"
#include "lint/rule_set.h"

namespace fencepost::lint {
namespace {

using model::child;
using model::Severity;

bool mentions_success(std::string_view text) {
    const std::string low = ascii_lower(text);
    for (const char* word : {"succe", "complete", "finished", "\"done\""}) {
        if (low.find(word) != std::string::npos) return true;
    }
    return false;
}

bool mentions_failure(std::string_view text) {
    const std::string low = ascii_lower(text);
    return low.find("fail") != std::string::npos || low.find("error") != std::string::npos;
}

void only_success(Document& document, const Text& place, std::size_t offset) {
    document.within(Severity::kWarning, place, offset, "wait-success-only",
                    "this waits for success alone: a failure is waited for until the timeout",
                    "wait for either end, then look which it is");
}

void check_wait(Document& document, const PhasePlace& place) {
    const std::string pointer = child(place.args_pointer(), "conditions");
    std::vector<Text> conditions;
    for (const char* list : {"anyOf", "allOf"}) {
        std::size_t index = 0;
        for (const Value& item : place.args()["conditions"][list].list_or_empty()) {
            const std::string at = child(child(child(pointer, list), index++), "condition");
            if (item["condition"].is_string()) conditions.push_back({item["condition"].as_string(), at});
        }
    }
    const bool can_fail = std::any_of(conditions.begin(), conditions.end(),
                                      [](const Text& one) { return mentions_failure(one.text); });
    const auto waits = std::find_if(conditions.begin(), conditions.end(),
                                    [](const Text& one) { return mentions_success(one.text); });
    if (!can_fail && waits != conditions.end()) only_success(document, *waits, 0);
    const Value& timeout = place.args()["timeout"];
    if (!timeout.is_string() || timeout.as_string().find("{{") != std::string::npos) return;
    try {
        if (parse_duration(timeout.as_string()) > std::chrono::nanoseconds{0}) return;
    } catch (const Error&) {
        // told below, as what is zero
    }
    document.problems.error(child(place.args_pointer(), "timeout"), "invalid-duration",
                            "'" + timeout.as_string() + "' is no time to wait for", "as in 90s or 1h30m");
}

void check_scripted_wait(Document& document, const Script& script) {
    if (mentions_failure(script.source.text)) return;
    for (const ShellCommand& command : script.commands) {
        const auto words = command.arguments();
        if ((command.name() != "kubectl" && command.name() != "oc") || words.empty() ||
            words[0].text != "wait")
            continue;
        for (const ShellWord& word : words) {
            if (word.text.starts_with("--for") && mentions_success(word.text))
                return only_success(document, script.source, script.shell.empty() ? 0 : command.offset());
        }
    }
}

}  // namespace

void check_conditions(Document& document) {
    for (const PhasePlace& place : document.phases) {
        if (place.func() == "Wait" || place.func() == "WaitV2") check_wait(document, place);
        for (const Script& script : scripts_of(place)) check_scripted_wait(document, script);
    }
}

}  // namespace fencepost::lint
