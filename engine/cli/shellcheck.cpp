#include "cli/shellcheck.h"

#include "base/program.h"
#include "value/json.h"

namespace fencepost::cli {
namespace {

// Constant conditions and commands that never run: words that stand for templates look like them. Variables
// that nobody sets come from the Pod's environment.
constexpr const char* kLeftOut = "SC2050,SC2078,SC2154,SC2157,SC2170,SC2194,SC2043,SC2317";

}  // namespace

std::vector<lint::ScriptFinding> shellcheck(const std::string& shell, const std::string& text) {
    if (shell != "sh" && shell != "bash" && shell != "dash" && shell != "ksh") return {};
    const auto checked =
        run_program({.words = {"shellcheck", "--norc", "--format=json1", "--severity=info",
                               "--shell=" + shell, std::string("--exclude=") + kLeftOut, "-"},
                     .input = text});
    if (!checked || checked->output.empty()) return {};
    std::vector<lint::ScriptFinding> findings;
    const Value comments = parse_json(checked->output)["comments"];
    for (const Value& comment : comments.list_or_empty()) {
        findings.push_back({.line = static_cast<int>(comment["line"].int_or(1)),
                            .column = static_cast<int>(comment["column"].int_or(1)),
                            .message = "SC" + std::to_string(comment["code"].int_or(0)) + ": " +
                                       comment["message"].string_or("")});
    }
    return findings;
}

}  // namespace fencepost::cli
