// The command line as data: what `fencepost` and each verb take, read from the definitions that parse it.
// Help, man pages, completions and the reference are made from this and from nothing else. Immutable values.
#pragma once

#include <string>
#include <vector>

namespace fencepost::cli {

struct CommandOption {
    std::vector<std::string> names;  // "-f", "--filename"; a positional's one name
    std::string value;               // "FILE", "a|b" for a choice, "" for a switch
    std::string what;
    std::string fallback;  // "" where there is none
    bool is_positional = false;
    bool is_required = false;
    bool is_repeatable = false;
};

struct Command {
    std::string name;  // "get"; of a verb below a verb: "check"
    std::string what;
    std::string examples;  // lines, indented by two
    std::string notes;     // paragraphs, may be empty
    std::vector<CommandOption> options;
    std::vector<Command> commands;
};

[[nodiscard]] Command command_tree();

}  // namespace fencepost::cli
