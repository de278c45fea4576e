#include "lint/blueprint.h"

#include <algorithm>

#include "model/problem.h"

namespace fencepost::lint {
namespace {

using model::child;

constexpr std::string_view kShells[] = {"sh", "bash", "dash", "ash", "ksh", "zsh"};

std::string base_name(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

bool is_shell(const std::string& word) {
    return std::find(std::begin(kShells), std::end(kShells), base_name(word)) != std::end(kShells);
}

// -c, -ec, -euxc: the script comes next.
bool takes_script(const std::string& word) {
    return word.size() >= 2 && word[0] == '-' && word[1] != '-' && word.back() == 'c';
}

Script script_of(const List& words, const std::string& pointer) {
    Script script;
    const std::string first = words.empty() ? "" : words[0].string_or("");
    if (!is_shell(first)) {
        ShellCommand command;
        std::size_t index = 0;
        for (const Value& word : words) {
            if (index == 0) script.source = {first, child(pointer, index)};
            command.words.push_back({.text = without_templates(word.string_or(""))});
            ++index;
        }
        script.commands.push_back(std::move(command));
        return script;
    }
    for (std::size_t i = 1; i + 1 < words.size(); ++i) {
        const std::string word = words[i].string_or("");
        script.options.push_back(word);
        if (!takes_script(word)) continue;
        script.shell = base_name(first);
        script.source = {words[i + 1].string_or(""), child(pointer, i + 1)};
        script.commands = shell_commands(without_templates(script.source.text));
        break;
    }
    return script;
}

}  // namespace

std::vector<PhasePlace> phases_of(const Value& blueprint) {
    std::vector<PhasePlace> places;
    for (const auto& [name, action] : blueprint["actions"].map_or_empty()) {
        const std::string pointer = child("/actions", name);
        const auto add = [&, &action_name = name, &definition = action](const Value& phase, std::string at,
                                                                        bool is_defer) {
            if (!phase.is_map()) return;
            places.push_back({.action = action_name,
                              .definition = &definition,
                              .action_pointer = pointer,
                              .phase = &phase,
                              .pointer = std::move(at),
                              .is_defer = is_defer});
        };
        std::size_t index = 0;
        for (const Value& phase : action["phases"].list_or_empty())
            add(phase, child(child(pointer, "phases"), index++), false);
        add(action["deferPhase"], child(pointer, "deferPhase"), true);
    }
    return places;
}

std::vector<Text> strings_of(const Value& value, const std::string& pointer) {
    if (value.is_string()) return {{value.as_string(), pointer}};
    std::vector<Text> texts;
    const auto append = [&](const Value& member, const std::string& at) {
        for (Text& text : strings_of(member, at)) texts.push_back(std::move(text));
    };
    std::size_t index = 0;
    for (const Value& item : value.list_or_empty()) append(item, child(pointer, index++));
    for (const auto& [key, member] : value.map_or_empty()) append(member, child(pointer, key));
    return texts;
}

bool Script::has_option(std::string_view name, char letter) const {
    const auto says = [&](const std::string& word) {
        return word == name || (letter != '\0' && word.size() > 1 && word[0] == '-' && word[1] != '-' &&
                                word.find(letter) != std::string::npos);
    };
    if (std::any_of(options.begin(), options.end(), says)) return true;
    return std::any_of(commands.begin(), commands.end(), [&](const ShellCommand& command) {
        return command.name() == "set" && std::any_of(command.words.begin(), command.words.end(),
                                                      [&](const ShellWord& word) { return says(word.text); });
    });
}

bool is_command_argument(std::string_view name) noexcept {
    return name == "command" || name.ends_with("Command");
}

std::vector<Script> scripts_of(const PhasePlace& place) {
    std::vector<Script> scripts;
    for (const auto& [name, value] : place.args().map_or_empty()) {
        if (!is_command_argument(name)) continue;
        const std::string pointer = child(place.args_pointer(), name);
        if (value.is_list()) scripts.push_back(script_of(value.as_list(), pointer));
    }
    return scripts;
}

}  // namespace fencepost::lint
