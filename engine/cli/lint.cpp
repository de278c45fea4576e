#include "lint/lint.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/files.h"
#include "cli/diagnostics.h"
#include "cli/findings.h"
#include "cli/manifests.h"
#include "cli/shellcheck.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "value/json.h"

namespace fencepost::cli {
namespace {

namespace fs = std::filesystem;
using model::Diagnostic;

// Folders with all that is below them, but for hidden ones.
std::vector<std::string> files_below(const std::vector<std::string>& arguments) {
    std::vector<std::string> files;
    for (const std::string& argument : arguments) {
        if (argument == "-" || !fs::is_directory(argument)) {
            files.push_back(argument);
            continue;
        }
        std::vector<std::string> found;
        for (auto entry = fs::recursive_directory_iterator(argument); entry != fs::end(entry); ++entry) {
            if (entry->path().filename().string().starts_with('.')) {
                if (entry->is_directory()) entry.disable_recursion_pending();
            } else if (entry->is_regular_file() && is_manifest(entry->path())) {
                found.push_back(entry->path().string());
            }
        }
        if (found.empty())
            throw Error(ErrorKind::kNotFound,
                        "the folder " + argument + " holds no .yaml, .yml or .json file");
        std::sort(found.begin(), found.end());
        files.insert(files.end(), found.begin(), found.end());
    }
    return files;
}

// In place, where there is something to repair; symbolic links and modes stay.
int repair(lint::Source& source, std::span<const model::FunctionSpec> functions) {
    const std::string text = lint::fixed(source, functions);
    if (text == source.text) return 0;
    const fs::path path = fs::canonical(source.file);
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) throw errno_error("stat " + path.string(), errno);
    write_file_durably(path, text, status.st_mode & 0777U);
    source.text = text;
    return 1;
}

std::string counted(std::ptrdiff_t number, const std::string& what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

void print_all(const std::vector<Diagnostic>& diagnostics, const std::vector<lint::Source>& sources) {
    for (const Diagnostic& diagnostic : diagnostics) {
        const auto source = std::find_if(sources.begin(), sources.end(), [&](const lint::Source& one) {
            return one.file == diagnostic.position.file;
        });
        print(to_text_with_excerpt(diagnostic, source == sources.end() ? "" : source->text, 1));
    }
    if (diagnostics.empty())
        return print(counted(std::ssize(sources), "file") + (sources.size() == 1 ? " is" : " are") +
                     " fine\n");
    const auto errors = std::count_if(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& one) {
        return one.severity == model::Severity::kError;
    });
    print(counted(errors, "error") + ", " + counted(std::ssize(diagnostics) - errors, "warning") + "\n");
}

}  // namespace

int lint(const LintOptions& options, const World& world) {
    if (options.output != "text" && options.output != "json" && options.output != "sarif")
        throw UsageError("there is no format '" + options.output + "'", "it is text, json or sarif");
    const std::span<const model::FunctionSpec> functions = world.catalog->specs();
    std::vector<lint::Source> sources;
    for (const std::string& file : files_below(options.files)) {
        if (file == "-" && options.fixes)
            throw UsageError("--fix repairs files in place; stdin is none", "give a file or a folder");
        sources.push_back({file == "-" ? "stdin" : file, read_input(file)});
    }
    int repaired = 0;
    if (options.fixes) {
        for (lint::Source& source : sources) repaired += repair(source, functions);
    }
    const auto diagnostics = lint::lint(sources, functions, shellcheck);
    if (options.output == "json") {
        print(to_json(to_json_findings(diagnostics)) + "\n");
    } else if (options.output == "sarif") {
        print(to_json(to_sarif(diagnostics, world.version)) + "\n");
    } else {
        if (repaired > 0) print(counted(repaired, "file") + " repaired\n");
        print_all(diagnostics, sources);
    }
    return model::has_errors(diagnostics) ? kFailed : kDone;
}

}  // namespace fencepost::cli
