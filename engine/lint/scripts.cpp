// Shell scripts in arguments: what lets a failure pass for success, and what cannot work in a job.
#include <algorithm>
#include <optional>

#include "lint/rule_set.h"

namespace fencepost::lint {
namespace {

using model::Severity;

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

class ScriptRules {
  public:
    ScriptRules(Document& document, const Script& script) : document_(document), script_(script) {}

    void run() {
        for (const ShellCommand& command : script_.commands) {
            psql(command);
            terminal(command);
            endless_wait(command);
            stripped_json(command);
        }
        if (script_.shell.empty()) return;
        pipelines();
        errors_ignored();
    }

  private:
    // Where the command stands, or the list's first item.
    void warn(const ShellCommand& command, std::string rule, std::string message, std::string hint) {
        const std::size_t offset = script_.shell.empty() ? 0 : command.offset();
        document_.within(Severity::kWarning, script_.source, offset, std::move(rule), std::move(message),
                         std::move(hint));
    }

    // -c alone ends with an error; a file or stdin goes on behind one.
    void psql(const ShellCommand& command) {
        if (command.name() != "psql" || command.mentions("ON_ERROR_STOP")) return;
        const auto words = command.arguments();
        const auto has_flag = [&](char letter, std::string_view name) {
            return std::any_of(words.begin(), words.end(), [&](const ShellWord& word) {
                const std::string& text = word.text;
                if (text.starts_with("--")) return text == name || text.starts_with(std::string(name) + "=");
                if (text.size() < 2 || text[0] != '-') return false;
                const std::size_t at = text.find(letter);
                return at != std::string::npos && text.find_first_not_of("aAbeEHlnqsStwWxXz01", 1) >= at;
            });
        };
        const bool reads_script =
            has_flag('f', "--file") || (command.reads_input && !has_flag('c', "--command"));
        if (!reads_script) return;
        warn(command, "psql-on-error-stop", "psql goes on behind a statement that fails, and ends with 0",
             "psql --set ON_ERROR_STOP=1 ...");
    }

    void terminal(const ShellCommand& command) {
        if (!is_one_of(command.name(), {"kubectl", "oc", "docker", "podman"})) return;
        const auto words = command.arguments();
        const auto exec = std::find_if(words.begin(), words.end(),
                                       [](const ShellWord& word) { return word.text == "exec"; });
        if (exec == words.end()) return;
        for (auto word = exec + 1; word != words.end() && word->text != "--"; ++word) {
            if (!is_one_of(word->text, {"-it", "-ti", "-t", "--tty", "--tty=true"})) continue;
            document_.within(Severity::kError, script_.source, script_.shell.empty() ? 0 : word->offset,
                             "exec-tty", command.name() + " exec " + word->text + " wants a terminal",
                             "a job has none: leave the t out");
            if (word->text == "-it" || word->text == "-ti") document_.problems.fix_last(word->text, "-i");
            return;
        }
    }

    void endless_wait(const ShellCommand& command) {
        if (!is_one_of(command.name(), {"kubectl", "oc"}) || command.mentions("--timeout")) return;
        const auto words = command.arguments();
        const bool is_rollout = words.size() > 1 && words[0].text == "rollout" && words[1].text == "status";
        const bool is_wait = !words.empty() && words[0].text == "wait";
        if (!is_rollout && !is_wait) return;
        warn(command, "missing-timeout",
             is_wait ? "kubectl wait without --timeout gives up after 30 seconds"
                     : "kubectl rollout status without --timeout waits for ever",
             "--timeout=10m");
    }

    // tr -d '[]"' and its like: an argument with a comma, a blank or a quote in it comes out as another.
    void stripped_json(const ShellCommand& command) {
        const std::string name = command.name();
        if (name != "tr" && name != "sed") return;
        for (const ShellWord& word : command.arguments()) {
            const std::string& text = word.text;
            const bool strips = text.find('"') != std::string::npos &&
                                (text.find('[') != std::string::npos || text.find(']') != std::string::npos);
            if (!strips || (name == "tr" && !command.has("-d"))) continue;
            return warn(command, "stripped-json",
                        "a JSON array is taken apart by deleting its brackets and quotes",
                        "read it with jq: arguments hold blanks, commas and quotes");
        }
    }

    void pipelines() {
        if (script_.has_option("pipefail", '\0')) return;
        const auto first =
            std::find_if(script_.commands.begin(), script_.commands.end(), [](const ShellCommand& command) {
                return command.is_piped_on && !is_one_of(command.name(), {"echo", "printf", ""});
            });
        if (first == script_.commands.end()) return;
        const bool can = is_one_of(script_.shell, {"bash", "ksh", "zsh"});
        warn(*first, "pipefail", "where " + first->name() + " fails, its pipeline does not",
             can ? "set -o pipefail, or -o pipefail before -c"
                 : "use bash with -o pipefail; " + script_.shell + " need not have it");
    }

    void errors_ignored() {
        if (script_.has_option("errexit", 'e')) return;
        const auto works = [](const ShellCommand& command) {
            return !is_one_of(command.name(), {"", "echo", "printf", "export", "set", "local", "true", "}",
                                               "fi", "done", "esac", "exit", "return"});
        };
        const auto count = std::count_if(script_.commands.begin(), script_.commands.end(), works);
        if (count < 2 || script_.source.text.find("||") != std::string::npos) return;
        const auto first = std::find_if(script_.commands.begin(), script_.commands.end(), works);
        warn(*first, "errexit", "the script goes on where " + first->name() + " fails",
             "set -o errexit, or -o errexit before -c");
    }

    Document& document_;
    const Script& script_;
};

}  // namespace

void check_scripts(Document& document) {
    for (const PhasePlace& place : document.phases) {
        for (const Script& script : scripts_of(place)) ScriptRules(document, script).run();
    }
}

}  // namespace fencepost::lint
