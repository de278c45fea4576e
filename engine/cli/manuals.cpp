#include "cli/manuals.h"

#include "base/human.h"
#include "cli/cli.h"
#include "cli/command.h"
#include "cli/settings.h"

namespace fencepost::cli {
namespace {

// "-f, --filename FILE"
std::string term_of(const CommandOption& option) {
    std::string term = joined(option.names, ", ");
    if (!option.is_positional && !option.value.empty()) term += " " + option.value;
    return term;
}

std::string sentence_of(const CommandOption& option) {
    std::string text = option.what + ".";
    if (option.is_positional && option.value.find('|') != std::string::npos)
        text += " One of " + option.value + ".";
    if (!option.fallback.empty()) text += " The default is " + option.fallback + ".";
    if (option.is_required) text += " Required.";
    if (option.is_repeatable && !option.is_positional) text += " May be given more than once.";
    return text;
}

std::string usage_of(const Command& command, const std::string& path) {
    std::string usage = path;
    bool has_flags = false;
    for (const CommandOption& option : command.options) has_flags |= !option.is_positional;
    if (has_flags) usage += " [OPTIONS]";
    for (const CommandOption& option : command.options) {
        if (!option.is_positional) continue;
        const std::string name = option.names[0] + (option.is_repeatable ? "..." : "");
        usage += option.is_required ? " " + name : " [" + name + "]";
    }
    if (!command.commands.empty()) usage += " VERB";
    return usage;
}

Manual::Section options_of(const Command& command) {
    Manual::Section section{.title = "OPTIONS", .blocks = {}};
    for (const CommandOption& option : command.options)
        section.blocks.emplace_back(Manual::Entry{term_of(option), sentence_of(option)});
    return section;
}

Manual::Section examples_of(const Command& command) {
    return {.title = "EXAMPLES", .blocks = {Manual::Verbatim{command.examples}}};
}

Manual::Section exit_status() {
    Manual::Section section{.title = "EXIT STATUS", .blocks = {}};
    for (const ExitCodeMeaning& code : exit_codes())
        section.blocks.emplace_back(
            Manual::Entry{std::to_string(code.code), std::string(code.meaning) + "."});
    return section;
}

Manual::Section see_also(std::string text) {
    return {.title = "SEE ALSO", .blocks = {Manual::Paragraph{std::move(text)}}};
}

std::vector<std::string> paragraphs_of(const std::string& notes) {
    std::vector<std::string> paragraphs;
    for (std::size_t at = 0; at < notes.size();) {
        const std::size_t end = std::min(notes.find("\n\n", at), notes.size());
        paragraphs.push_back(notes.substr(at, end - at));
        at = end + 2;
    }
    return paragraphs;
}

Manual manual_of(const Command& verb, const std::string& source) {
    const std::string path = "fencepost " + verb.name;
    Manual manual{
        .name = "fencepost-" + verb.name, .section = 1, .what = verb.what, .source = source, .sections = {}};
    Manual::Section description{.title = "DESCRIPTION", .blocks = {Manual::Paragraph{verb.what + "."}}};
    for (const std::string& paragraph : paragraphs_of(verb.notes))
        description.blocks.emplace_back(Manual::Paragraph{paragraph});
    Manual::Section synopsis{.title = "SYNOPSIS", .blocks = {}};
    if (verb.commands.empty()) {
        synopsis.blocks.emplace_back(Manual::Verbatim{usage_of(verb, path)});
        manual.sections = {synopsis, description};
        if (!verb.options.empty()) manual.sections.push_back(options_of(verb));
    } else {
        manual.sections = {synopsis, description};
        for (const Command& below : verb.commands) {
            const std::string usage = usage_of(below, path + " " + below.name);
            manual.sections[0].blocks.emplace_back(Manual::Verbatim{usage});
            Manual::Section section = options_of(below);
            section.title = below.name;
            section.blocks.insert(section.blocks.begin(), Manual::Paragraph{below.what + "."});
            manual.sections.push_back(std::move(section));
        }
    }
    manual.sections.push_back(examples_of(verb));
    manual.sections.push_back(exit_status());
    manual.sections.push_back(see_also("fencepost(1), kando(1), fencepost.yaml(5)"));
    return manual;
}

Manual main_manual(const Command& tree, const std::string& source) {
    Manual::Section verbs{.title = "VERBS", .blocks = {}};
    for (const Command& verb : tree.commands)
        verbs.blocks.emplace_back(
            Manual::Entry{verb.name, verb.what + "; see fencepost-" + verb.name + "(1)."});
    return {.name = "fencepost",
            .section = 1,
            .what = "back up and restore databases with Kanister-style blueprints",
            .source = source,
            .sections = {{.title = "SYNOPSIS", .blocks = {Manual::Verbatim{usage_of(tree, "fencepost")}}},
                         {.title = "DESCRIPTION", .blocks = {Manual::Paragraph{tree.what}}},
                         verbs,
                         options_of(tree),
                         examples_of(tree),
                         exit_status(),
                         see_also("kando(1), fencepost.yaml(5)")}};
}

Manual file_manual(const std::string& source) {
    Manual::Section list{.title = "SETTINGS", .blocks = {}};
    for (const Setting& setting : settings()) {
        std::string text = std::string(setting.what) + ".";
        if (!setting.fallback.empty()) text += " The default is " + std::string(setting.fallback) + ".";
        text += " Also " + std::string(setting.flag) + ", and " + std::string(setting.environment) +
                " in the environment.";
        list.blocks.emplace_back(
            Manual::Entry{std::string(setting.key) + ": " + std::string(setting.value), text});
    }
    return {
        .name = "fencepost.yaml",
        .section = 5,
        .what = "configuration of fencepost serve",
        .source = source,
        .sections = {
            {.title = "DESCRIPTION",
             .blocks = {Manual::Paragraph{
                 "A YAML file with the settings of fencepost serve, which reads the file that --config or "
                 "FENCEPOST_CONFIG names. A flag is stronger than the environment, the environment than the "
                 "file, the file than the default. A key that is no setting is an error. fencepost config "
                 "check tells every mistake with its line and column; fencepost config show tells what holds "
                 "and who said so."}}},
            list,
            {.title = "EXAMPLES", .blocks = {Manual::Verbatim{sample_config("/var/lib/fencepost")}}},
            see_also("fencepost-serve(1), fencepost-config(1)")}};
}

// --- Markdown

std::string cell(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '|') result += '\\';
        result += c;
    }
    return result;
}

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string verb_reference(const Command& verb, const std::string& path) {
    std::string text = "### " + path + "\n\n" + verb.what + ".\n\n";
    if (verb.commands.empty()) {
        text += "```\n" + usage_of(verb, path) + "\n```\n\n";
        if (!verb.options.empty()) text += "| option | what |\n|---|---|\n";
        for (const CommandOption& option : verb.options)
            text += "| `" + cell(term_of(option)) + "` | " + cell(sentence_of(option)) + " |\n";
        if (!verb.options.empty()) text += "\n";
        for (const std::string& paragraph : paragraphs_of(verb.notes)) {
            text += paragraph;
            while (text.ends_with('\n')) text.pop_back();
            text += "\n\n";
        }
        text += "```\n" + verb.examples + "```\n\n";
    }
    for (const Command& below : verb.commands) text += verb_reference(below, path + " " + below.name);
    return text;
}

}  // namespace

std::vector<Manual> manuals(std::string_view version) {
    const Command tree = command_tree();
    const std::string source = "Fencepost " + std::string(version);
    std::vector<Manual> result{main_manual(tree, source)};
    for (const Command& verb : tree.commands) result.push_back(manual_of(verb, source));
    result.push_back(file_manual(source));
    return result;
}

std::string reference() {
    const Command tree = command_tree();
    std::string text =
        "# Reference\n\nMade from the command line's own definitions; `UPDATE_GOLDEN=1 build/bin/unit_cli` "
        "rewrites it.\n\n## Exit codes\n\n| code | meaning |\n|---|---|\n";
    for (const ExitCodeMeaning& one : exit_codes())
        text += "| " + std::to_string(one.code) + " | " + cell(one.meaning) + " |\n";
    text +=
        "\n## Settings of `fencepost serve`\n\nA flag is stronger than the environment, the environment than "
        "the "
        "file, the file than the default. A key that is no setting is an error.\n\n"
        "| file | flag | environment | default | what |\n|---|---|---|---|---|\n";
    for (const Setting& setting : settings()) {
        text += "| " + code(setting.key) + " | " + code(setting.flag) + " | " + code(setting.environment) +
                " | " + (setting.fallback.empty() ? "" : code(setting.fallback)) + " | " +
                cell(setting.what) + " |\n";
    }
    text += "\n## Verbs\n\nEvery verb takes `--server ADDRESS` (`FENCEPOST_SERVER`), and `--help`.\n\n";
    for (const Command& verb : tree.commands) text += verb_reference(verb, "fencepost " + verb.name);
    while (text.ends_with("\n\n")) text.pop_back();
    return text;
}

}  // namespace fencepost::cli
