// A blueprint as rules go through it: its phases wherever they stand, the strings in their arguments, and the
// shell scripts among those. Everything borrows the object that it was made of. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "lint/shell.h"
#include "value/value.h"

namespace fencepost::lint {

struct PhasePlace {
    std::string action;
    const Value* definition = nullptr;  // of the action
    std::string action_pointer;
    const Value* phase = nullptr;
    std::string pointer;
    bool is_defer = false;

    [[nodiscard]] std::string func() const { return (*phase)["func"].string_or(""); }
    [[nodiscard]] std::string name() const { return (*phase)["name"].string_or(""); }
    [[nodiscard]] const Value& args() const { return (*phase)["args"]; }
    [[nodiscard]] std::string args_pointer() const { return pointer + "/args"; }
};

// In the order of the file; deferPhases last of their action.
[[nodiscard]] std::vector<PhasePlace> phases_of(const Value& blueprint);

struct Text {
    std::string text;
    std::string pointer;
};
// Every string of a value, not its keys.
[[nodiscard]] std::vector<Text> strings_of(const Value& value, const std::string& pointer);

// A command line among a phase's arguments, as one string of shell where it is `sh -c`.
struct Script {
    Text source;
    std::string shell;                   // "bash"; "" where the words are run without a shell
    std::vector<std::string> options;    // of the shell, before -c
    std::vector<ShellCommand> commands;  // of the script, or the one that the words are

    [[nodiscard]] bool has_option(std::string_view name, char letter) const;  // "errexit", 'e'; also by `set`
};
// `command` and its like: command, initCommand, backgroundCommand, outputCommand.
[[nodiscard]] bool is_command_argument(std::string_view name) noexcept;
[[nodiscard]] std::vector<Script> scripts_of(const PhasePlace& place);

// A field that a template takes, and what is done with it.
struct FieldUse {
    std::vector<std::string> path;       // {"Phases", "dump", "Output", "x"}, also by index
    std::size_t offset = 0;              // of the field in the text
    std::vector<std::string> functions;  // that it goes through: {"toString", "b64enc"}
    bool is_indexed = false;             // by `index`, for which a missing key is no error
    bool is_tested = false;              // in the condition of an if or with
    bool is_guarded = false;             // below an if or with
};
// None where the text does not parse. Fields of anything but the parameters are left out.
[[nodiscard]] std::vector<FieldUse> fields_in(const std::string& text);

}  // namespace fencepost::lint
