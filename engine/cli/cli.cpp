#include "cli/cli.h"

#include <CLI/CLI.hpp>

#include "archive/wal.h"
#include "base/cancel.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/diagnostics.h"
#include "cli/interrupts.h"
#include "cli/settings.h"
#include "cli/terminal.h"

namespace fencepost::cli {
namespace {

constexpr ExitCodeMeaning kExitCodes[] = {
    {kDone, "done; of run, retry, watch, backup and restore: the action is complete"},
    {kFailed,
     "failed; of lint and plan: there are errors; of render: a phase does not render, or --diff finds a "
     "difference; of test: a case fails"},
    {kUsage, "the command line or the configuration is wrong"},
    {kCancelled, "the action was cancelled, or the wait for it was interrupted"},
    {kUnreachable, "the server cannot be reached"},
};

// "file:line:col: " where the error has a place, as compilers tell it.
std::string place_of(const Error& error) {
    const auto& at = error.position();
    if (!at || at->file.empty() || at->line < 1) return {};
    return at->file + ":" + std::to_string(at->line) + ":" + std::to_string(at->column) + ": ";
}

int explain_error(const Error& error, int code) {
    print_error(place_of(error) + paint("error: ", Colour::kRed, 2) + error.what() + "\n");
    if (!error.hint().empty()) print_error("  " + error.hint() + "\n");
    return code;
}

// `failure`: what every failure ends with, where a verb has a code of its own for it.
int execute(Parsed& parsed, const World& world, std::optional<int> failure) {
    const auto explain = [&](const Error& error, int code) {
        return explain_error(error, failure.value_or(code));
    };
    try {
        if (parsed.local_verb) return parsed.local_verb();
        if (parsed.handles_interrupts) block_interrupts();
        const auto ns = kubernetes_namespace(parsed.server);
        Server server(ns ? world.make_kubernetes_client(*ns) : world.make_http_client(), parsed.server);
        return parsed.client_verb(server);
    } catch (const ConfigError& error) {
        for (const model::Diagnostic& diagnostic : error.diagnostics())
            print_error(to_text_with_excerpt(diagnostic, error.text(), 2));
        return explain(error, kUsage);
    } catch (const UsageError& error) {
        return explain(error, kUsage);
    } catch (const Unreachable& error) {
        return explain(error, kUnreachable);
    } catch (const Error& error) {
        return explain(error, kFailed);
    } catch (const Cancelled& cancelled) {
        print_error(std::string(to_string(cancelled.reason())) + "\n");
        return failure.value_or(kCancelled);
    } catch (const std::exception& error) {
        return explain(Error(ErrorKind::kInternal, error.what()), kFailed);
    }
}

constexpr std::string_view kProgram = "fencepost";
constexpr const char* kDefaultServer = "http://127.0.0.1:7420";

// What people type: kubectl runs a program called kubectl-fencepost for `kubectl fencepost`.
std::string called(std::string_view argv0) {
    const std::string_view name = argv0.substr(argv0.rfind('/') + 1);
    return name == "kubectl-fencepost" ? "kubectl fencepost" : std::string(kProgram);
}

// Help whose commands begin as they were typed. Paths and names that hold the word stay.
std::string as_called(std::string text, const std::string& program) {
    if (program == kProgram) return text;
    const std::string word = std::string(kProgram) + " ";
    for (std::size_t at = text.find(word); at != std::string::npos;
         at = text.find(word, at + program.size())) {
        const bool is_command = at == 0 || text[at - 1] == ' ' || text[at - 1] == '\'';
        if (is_command) text.replace(at, kProgram.size(), program);
    }
    return text;
}

std::string footer_of(const Parsed::Text& text) {
    return "Examples:\n" + text.examples + (text.notes.empty() ? "" : "\n" + text.notes);
}

constexpr std::string_view kWhat =
    "Fencepost runs Kanister-style blueprints: back up and restore databases, with their replicas fenced "
    "meanwhile.";
constexpr std::string_view kExamples =
    "  fencepost serve --data-dir ./data &\n"
    "  fencepost apply -f blueprints/postgres-dump/blueprint.yaml\n"
    "  fencepost run backup --object secret/app1-db -n app1\n";

// --- the definitions as data

CommandOption option_of(const CLI::Option& option) {
    CommandOption result;
    result.is_positional = option.get_positional();
    for (const auto& name : option.get_snames()) result.names.push_back("-" + name);
    for (const auto& name : option.get_lnames()) result.names.push_back("--" + name);
    if (result.is_positional) result.names = {option.get_name(true)};
    if (option.get_items_expected_max() > 0) result.value = option.get_type_name();
    result.what = option.get_description();
    result.fallback = option.get_default_str();
    if (!option.get_envname().empty()) result.what += "; " + option.get_envname() + " in the environment";
    result.is_required = option.get_required();
    result.is_repeatable = option.get_expected_max() > 1;
    return result;
}

Command command_of(const CLI::App& app, const Parsed& parsed) {
    Command command;
    command.name = app.get_name();
    command.what = app.get_description();
    if (const auto text = parsed.texts.find(&app); text != parsed.texts.end()) {
        command.examples = text->second.examples;
        command.notes = text->second.notes;
    }
    for (const CLI::Option* option : app.get_options()) {
        if (option != app.get_help_ptr()) command.options.push_back(option_of(*option));
    }
    for (const CLI::App* below : app.get_subcommands({}))
        command.commands.push_back(command_of(*below, parsed));
    return command;
}

void define(CLI::App& app, Parsed& parsed, const World& world, const std::string& program) {
    app.name(program);
    app.require_subcommand(1);
    app.fallthrough();
    parsed.texts[&app] = {std::string(kExamples), ""};
    // As kubectl does, by the kubeconfig.
    parsed.server.url = program == kProgram ? kDefaultServer : "kubernetes://";
    add_commands(app, parsed, world);
    for (CLI::App* verb : app.get_subcommands({})) {
        if (const auto text = parsed.texts.find(verb); text != parsed.texts.end())
            verb->footer(as_called(footer_of(text->second), program));
        for (CLI::App* below : verb->get_subcommands({}))
            below->footer(as_called(footer_of(parsed.texts[below]), program));
    }
    app.footer(as_called("Examples:\n" + std::string(kExamples) + "\nExit codes:\n" + exit_code_lines() +
                             "\n'fencepost VERB --help' has examples of each; so has man fencepost-VERB.",
                         program));
}

}  // namespace

std::span<const ExitCodeMeaning> exit_codes() noexcept { return kExitCodes; }

std::string exit_code_lines() {
    std::string lines;
    for (const ExitCodeMeaning& code : kExitCodes)
        lines += "  " + std::to_string(code.code) + "  " + std::string(code.meaning) + "\n";
    return lines;
}

Command command_tree() {
    CLI::App app{std::string(kWhat)};
    Parsed parsed;
    const World nowhere;
    define(app, parsed, nowhere, std::string(kProgram));
    return command_of(app, parsed);
}

int run(int argc, const char* const* argv, const World& world) {
    CLI::App app{std::string(kWhat)};
    Parsed parsed;
    define(app, parsed, world, called(argc > 0 ? argv[0] : ""));
    const std::vector<std::string> words(argv, argv + argc);
    const auto failure = archive::fetch_failure_code(words);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : failure.value_or(kUsage);
    }
    return execute(parsed, world, failure);
}

}  // namespace fencepost::cli
