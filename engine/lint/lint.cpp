#include "lint/lint.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/error.h"
#include "lint/rule_set.h"
#include "model/place.h"

namespace fencepost::lint {
namespace {

using model::Diagnostic;

// One file: its documents live as long as the lint does.
struct File {
    const Source* source = nullptr;
    std::vector<std::string_view> lines;
    std::vector<YamlDocument> yaml;
    std::vector<Diagnostic> diagnostics;  // where it is no YAML
};

File read(const Source& source) {
    File file{.source = &source, .lines = model::lines_of(source.text), .yaml = {}, .diagnostics = {}};
    try {
        file.yaml = parse_yaml(source.text, source.file);
    } catch (const Error& error) {
        file.diagnostics.push_back(yaml_problem(error, file.lines, source.file));
    }
    return file;
}

void ask(Document& document, const ScriptCheck& check_script) {
    for (const PhasePlace& place : document.phases) {
        for (const Script& script : scripts_of(place)) {
            if (script.shell.empty()) continue;
            for (ScriptFinding& found : check_script(script.shell, without_templates(script.source.text))) {
                document.problems.add({.severity = model::Severity::kWarning,
                                       .pointer = script.source.pointer,
                                       .rule = "shellcheck",
                                       .message = std::move(found.message),
                                       .spot = model::Problem::Spot{found.line, found.column}});
            }
        }
    }
}

void check(Document& document, std::span<const model::FunctionSpec> functions,
           const ScriptCheck& check_script) {
    for (model::Problem& problem : model::problems_of(document.object(), functions))
        document.problems.add(std::move(problem));
    check_plain_scalars(document);
    check_references(document);
    if (document.kind() != "Blueprint") return;
    document.phases = phases_of(document.object());
    check_scripts(document);
    check_conditions(document);
    check_fields(document);
    check_lifecycle(document);
    check_images(document);
    if (check_script) ask(document, check_script);
}

bool holds(const std::vector<Diagnostic>& diagnostics, const Diagnostic& wanted) {
    return std::any_of(diagnostics.begin(), diagnostics.end(), [&](const Diagnostic& one) {
        return one.position.line == wanted.position.line && one.rule == wanted.rule &&
               one.message == wanted.message;
    });
}

// The first thing that stops the parser has moved down.
bool is_further(const std::vector<Diagnostic>& then, const std::vector<Diagnostic>& before) {
    return then.front().position.line > before.front().position.line;
}

bool is_yaml(const std::vector<Diagnostic>& diagnostics) {
    return std::none_of(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& one) {
        return one.rule == "yaml" || one.rule == "duplicate-key" || one.rule == "unquoted-template";
    });
}

}  // namespace

void Document::within(model::Severity severity, const Text& place, std::size_t offset, std::string rule,
                      std::string message, std::string hint) {
    problems.add({.severity = severity,
                  .pointer = place.pointer,
                  .rule = std::move(rule),
                  .message = std::move(message),
                  .hint = std::move(hint),
                  .spot = model::spot_at(place.text, offset)});
}

std::vector<Diagnostic> lint(std::span<const Source> sources, std::span<const model::FunctionSpec> functions,
                             const ScriptCheck& check_script) {
    std::deque<File> files;
    std::vector<Document> documents;
    for (const Source& source : sources) {
        const File& file = files.emplace_back(read(source));
        for (const YamlDocument& yaml : file.yaml) {
            documents.push_back({.lines = &file.lines, .yaml = &yaml, .phases = {}, .problems = {}});
            check(documents.back(), functions, check_script);
        }
    }
    check_bindings(documents);
    check_volumes(documents);
    check_profiles(documents);
    check_presets(documents);
    std::vector<Diagnostic> diagnostics;
    std::size_t next = 0;
    for (File& file : files) {
        for (Diagnostic& one : file.diagnostics) diagnostics.push_back(std::move(one));
        for (const YamlDocument& yaml : file.yaml) {
            for (Diagnostic& one : model::to_diagnostics(documents[next++].problems.take(), yaml,
                                                         file.source->text, file.source->file))
                diagnostics.push_back(std::move(one));
        }
    }
    return diagnostics;
}

std::vector<Diagnostic> lint(const Source& source, std::span<const model::FunctionSpec> functions,
                             const ScriptCheck& check_script) {
    return lint(std::span(&source, 1), functions, check_script);
}

std::string fixed(const Source& source, std::span<const model::FunctionSpec> functions) {
    constexpr int kMaxRepairs = 1'000;
    Source now = source;
    std::vector<Diagnostic> found = lint(now, functions);
    std::size_t skipped = 0;  // repairs that made it worse or do not fit the text
    for (int i = 0; i < kMaxRepairs; ++i) {
        std::size_t seen = 0;
        const auto next = std::find_if(found.begin(), found.end(), [&](const Diagnostic& one) {
            return one.fix.has_value() && seen++ >= skipped;
        });
        if (next == found.end()) return now.text;
        Source repaired = now;
        std::size_t start = 0;
        for (int line = 1; line < next->position.line && start != std::string::npos; ++line) {
            start = repaired.text.find('\n', start);
            if (start != std::string::npos) ++start;
        }
        if (start == std::string::npos) return now.text;
        const std::size_t end = std::min(repaired.text.find('\n', start), repaired.text.size());
        const std::size_t from = start + static_cast<std::size_t>(std::max(next->position.column, 1)) - 1;
        const std::size_t at = repaired.text.find(next->fix->was, std::min(from, end));
        if (at == std::string::npos || at + next->fix->was.size() > end) {
            ++skipped;
            continue;
        }
        repaired.text.replace(at, next->fix->was.size(), next->fix->now);
        std::vector<Diagnostic> then = lint(repaired, functions);
        const bool is_better =
            is_yaml(found) ? is_yaml(then) && !holds(then, *next) : is_yaml(then) || is_further(then, found);
        if (!is_better) {
            ++skipped;
            continue;
        }
        now = std::move(repaired);
        found = std::move(then);
    }
    return now.text;
}

}  // namespace fencepost::lint
