#include "cli/completion.h"

#include <algorithm>

#include "base/human.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "cluster/local/type_table.h"

namespace fencepost::cli {
namespace {

// Commands that print what can stand there now; nothing where no server answers.
constexpr const char* kIds =
    "fencepost get actionsets -A -o jsonpath='{.items[*].metadata.name}' 2>/dev/null";
constexpr const char* kNamesOf = "-A -o jsonpath='{.items[*].metadata.name}' 2>/dev/null";

std::string kinds() {
    std::string words;
    for (const auto& type : cluster::local::TypeTable().all())
        words += (words.empty() ? "" : " ") + type.type.resource;
    return words;
}

bool has_choices(const std::string& value) { return value.find('|') != std::string::npos; }

// "table|json|jsonpath=..." as words.
std::string choices(std::string value) {
    std::replace(value.begin(), value.end(), '|', ' ');
    if (const std::size_t dots = value.find("..."); dots != std::string::npos) value.erase(dots, 3);
    return value;
}

// The paths of all commands below a tree: "/get", "/config", "/config/check" ...
struct Path {
    std::string path;
    const Command* command;
};
void collect(const Command& command, const std::string& path, std::vector<Path>& paths) {
    for (const Command& below : command.commands) {
        paths.push_back({path + "/" + below.name, &below});
        collect(below, path + "/" + below.name, paths);
    }
}

// Every name of an option; "--wait" and "--no-wait" are one.
std::vector<std::string> flags_of(const Command& command) {
    std::vector<std::string> flags;
    for (const CommandOption& option : command.options) {
        if (!option.is_positional) flags.insert(flags.end(), option.names.begin(), option.names.end());
    }
    return flags;
}

// --- bash

// An action that fills COMPREPLY for a value of that name.
std::string bash_values(const std::string& value) {
    if (has_choices(value)) return "_fencepost_words '" + choices(value) + "'";
    if (value == "FILE") return "_fencepost_files -f";
    if (value == "DIR") return "_fencepost_files -d";
    if (value == "KIND" || value == "KIND/NAME") return "_fencepost_words '" + kinds() + "'";
    if (value == "ID") return std::string("_fencepost_words \"$(") + kIds + ")\"";
    if (value == "NAME")
        return "_fencepost_words \"$(fencepost get \"$kind\" " + std::string(kNamesOf) + ")\"";
    return ":";
}

std::string bash_case(const Path& at, const std::vector<std::string>& global_flags) {
    std::vector<std::string> flags = flags_of(*at.command);
    flags.insert(flags.end(), global_flags.begin(), global_flags.end());
    flags.emplace_back("--help");
    std::vector<std::string> valued;
    std::string values;
    int place = 0;
    for (const CommandOption& option : at.command->options) {
        if (option.is_positional) {
            ++place;
            values +=
                "                :" + std::to_string(place) + ") " + bash_values(option.value) + " ;;\n";
        } else if (!option.value.empty()) {
            valued.push_back(joined(option.names, "|"));
            values +=
                "                " + joined(option.names, "|") + ") " + bash_values(option.value) + " ;;\n";
        }
    }
    std::string text = "        " + at.path + ")\n            flags='" + joined(flags, " ") + "'\n";
    text += "            case $1 in\n" + values;
    if (place > 0) {
        const auto last = std::find_if(at.command->options.rbegin(), at.command->options.rend(),
                                       [](const CommandOption& option) { return option.is_positional; });
        // It takes the places after its own, too.
        if (last->is_repeatable) text += "                :*) " + bash_values(last->value) + " ;;\n";
    }
    std::string words;
    for (const Command& below : at.command->commands) words += (words.empty() ? "" : " ") + below.name;
    if (!words.empty()) text += "                :*) _fencepost_words '" + words + "' ;;\n";
    return text + "            esac ;;\n";
}

std::string valued_flags(const Command& tree) {
    std::vector<std::string> names;
    const auto add = [&](const Command& command) {
        for (const CommandOption& option : command.options) {
            if (option.is_positional || option.value.empty()) continue;
            for (const std::string& name : option.names) {
                if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
            }
        }
    };
    std::vector<Path> paths;
    collect(tree, "", paths);
    add(tree);
    for (const Path& at : paths) add(*at.command);
    return joined(names, "|");
}

// --- zsh

std::string zsh_quoted(const std::string& text) {
    std::string result;
    for (const char c : text) {
        if (c == '\'') {
            result += "'\\''";
        } else if (c == '[' || c == ']' || c == ':') {
            result += std::string("\\") + c;
        } else {
            result += c;
        }
    }
    return result;
}

std::string zsh_values(const std::string& value) {
    if (has_choices(value)) return "(" + choices(value) + ")";
    if (value == "FILE") return "_files";
    if (value == "DIR") return "_files -/";
    if (value == "KIND" || value == "KIND/NAME") return "(" + kinds() + ")";
    if (value == "ID") return "_fencepost_ids";
    if (value == "NAME") return "_fencepost_names";
    return " ";
}

std::string zsh_arguments(const Command& command) {
    std::string text;
    int place = 0;
    const auto add = [&](const std::string& spec) { text += " \\\n                '" + spec + "'"; };
    for (const CommandOption& option : command.options) {
        const std::string value =
            option.value.empty() ? "" : ":" + zsh_quoted(option.value) + ":" + zsh_values(option.value);
        if (option.is_positional) {
            ++place;
            add((option.is_repeatable ? "*" : std::to_string(place)) + value);
            continue;
        }
        for (const std::string& name : option.names)
            add((option.is_repeatable ? "*" : "") + name + "[" + zsh_quoted(option.what) + "]" + value);
    }
    return text;
}

std::string zsh_verbs(const Command& command, const std::string& name) {
    std::string text = "local -a " + name + "=(";
    for (const Command& below : command.commands)
        text += " '" + below.name + ":" + zsh_quoted(below.what) + "'";
    return text + " ); _describe verb " + name;
}

// --- fish

std::string fish_quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') result += '\\';
        result += c;
    }
    return result + "'";
}

std::string fish_values(const std::string& value) {
    if (value.empty()) return "";
    if (has_choices(value)) return " -x -a " + fish_quoted(choices(value));
    if (value == "FILE" || value == "DIR") return " -r -F";
    if (value == "KIND" || value == "KIND/NAME") return " -x -a " + fish_quoted(kinds());
    if (value == "ID") return " -x -a " + fish_quoted("(string split ' ' (" + std::string(kIds) + "))");
    return " -x";
}

std::string fish_condition(const std::string& path) {
    std::string text;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at + 1), path.size());
        text += (text.empty() ? "" : "; and ") +
                ("__fish_seen_subcommand_from " + path.substr(at + 1, end - at - 1));
        at = end;
    }
    return text;
}

}  // namespace

std::string bash_completion(const Command& tree) {
    std::vector<Path> paths;
    collect(tree, "", paths);
    std::vector<std::string> names;
    for (const Path& at : paths) names.push_back(at.path);
    std::string cases;
    for (const Path& at : paths) cases += bash_case(at, flags_of(tree));
    std::string verbs;
    for (const Command& verb : tree.commands) verbs += (verbs.empty() ? "" : " ") + verb.name;
    return "# bash completion for fencepost; made by fencepost completion bash\n"
           "_fencepost_words() { COMPREPLY=($(compgen -W \"$1\" -- \"$word\")); }\n"
           "_fencepost_files() { compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen \"$1\" -- "
           "\"$word\")); }\n"
           "# What can stand at $1 (a flag whose value it is, or :N for the Nth word) of the verb $path.\n"
           "_fencepost_at() {\n"
           "    case $path in\n"
           "        '') flags='" +
           joined(flags_of(tree), " ") +
           " --help'\n"
           "            case $1 in :*) _fencepost_words '" +
           verbs + "' ;; esac ;;\n" + cases +
           "    esac\n"
           "}\n"
           "_fencepost() {\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} path= flags= kind= place=1 before= i\n"
           "    COMPREPLY=()\n"
           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "        local one=${COMP_WORDS[i]}\n"
           "        if [[ -n $before ]]; then before=; continue; fi\n"
           "        case $one in\n"
           "            " +
           valued_flags(tree) +
           ") before=$one; continue ;;\n"
           "            -*) continue ;;\n"
           "        esac\n"
           "        case $path/$one in\n"
           "            " +
           joined(names, "|") +
           ") path=$path/$one ;;\n"
           "            *) ((place == 1)) && kind=${one%%/*}; ((place++)) ;;\n"
           "        esac\n"
           "    done\n"
           "    if [[ -n $before ]]; then\n"
           "        _fencepost_at \"$before\"\n"
           "    else\n"
           "        _fencepost_at \":$place\"\n"
           "        if [[ $word == -* ]]; then _fencepost_words \"$flags\"; fi\n"
           "    fi\n"
           "}\n"
           "complete -F _fencepost fencepost\n";
}

std::string zsh_completion(const Command& tree) {
    std::string text =
        "#compdef fencepost\n# zsh completion for fencepost; made by fencepost completion zsh\n"
        "_fencepost_ids() { local -a ids=(${=\"$(" +
        std::string(kIds) +
        ")\"}); compadd -a ids }\n"
        "_fencepost_names() { local -a names=(${=\"$(fencepost get ${words[2]%%/*} " +
        std::string(kNamesOf) +
        ")\"}); compadd -a names }\n"
        "_fencepost() {\n"
        "    local curcontext=$curcontext state line\n"
        "    typeset -A opt_args\n"
        "    _arguments -C '--help[Help]'" +
        zsh_arguments(tree) +
        " \\\n                '1: :->verb' '*:: :->rest'\n"
        "    case $state in\n"
        "        verb) " +
        zsh_verbs(tree, "verbs") +
        " ;;\n"
        "        rest) case $words[1] in\n";
    for (const Command& verb : tree.commands) {
        if (verb.commands.empty()) {
            text +=
                "            " + verb.name + ") _arguments '--help[Help]'" + zsh_arguments(verb) + " ;;\n";
            continue;
        }
        text += "            " + verb.name + ") if ((CURRENT == 2)); then " + zsh_verbs(verb, "below") +
                "; else shift words; ((CURRENT--)); case $words[1] in\n";
        for (const Command& below : verb.commands)
            text +=
                "            " + below.name + ") _arguments '--help[Help]'" + zsh_arguments(below) + " ;;\n";
        text += "            esac; fi ;;\n";
    }
    return text +
           "        esac ;;\n"
           "    esac\n"
           "}\n"
           "if [[ $funcstack[1] == _fencepost ]]; then _fencepost \"$@\"; else compdef _fencepost fencepost; "
           "fi\n";
}

std::string fish_completion(const Command& tree) {
    std::vector<Path> paths;
    collect(tree, "", paths);
    std::string text =
        "# fish completion for fencepost; made by fencepost completion fish\ncomplete -c fencepost -f\n"
        "complete -c fencepost -l help -d Help\n";
    for (const CommandOption& option : tree.options)
        text += "complete -c fencepost -l " + option.names.back().substr(2) + " -x -d " +
                fish_quoted(option.what) + "\n";
    for (const Command& verb : tree.commands)
        text += "complete -c fencepost -n __fish_use_subcommand -a " + verb.name + " -d " +
                fish_quoted(verb.what) + "\n";
    for (const Path& at : paths) {
        const std::string begin = "complete -c fencepost -n " + fish_quoted(fish_condition(at.path));
        for (const Command& below : at.command->commands)
            text += begin + " -a " + below.name + " -d " + fish_quoted(below.what) + "\n";
        for (const CommandOption& option : at.command->options) {
            if (option.is_positional) {
                if (option.value != "NAME") text += begin + fish_values(option.value) + "\n";
                continue;
            }
            text += begin;
            for (const std::string& name : option.names)
                text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            text += fish_values(option.value) + " -d " + fish_quoted(option.what) + "\n";
        }
    }
    return text;
}

int completion(const CompletionOptions& options) {
    const Command tree = command_tree();
    if (options.shell == "bash") {
        print(bash_completion(tree));
    } else if (options.shell == "zsh") {
        print(zsh_completion(tree));
    } else if (options.shell == "fish") {
        print(fish_completion(tree));
    } else {
        throw UsageError("'" + options.shell + "' is no shell that can be completed for",
                         "there are: bash, zsh, fish");
    }
    return kDone;
}

}  // namespace fencepost::cli
