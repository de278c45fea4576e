#include "cli/diagnostics.h"
#include "cli/manifests.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {

int lint(const LintOptions& options, std::span<const model::FunctionSpec> functions) {
    int errors = 0;
    int warnings = 0;
    const auto files = expand_folders(options.files);
    for (const std::string& file : files) {
        const std::string text = read_input(file);
        for (const auto& diagnostic : model::validate_text(text, file == "-" ? "stdin" : file, functions)) {
            errors += diagnostic.severity == model::Severity::kError ? 1 : 0;
            warnings += diagnostic.severity == model::Severity::kWarning ? 1 : 0;
            print(to_text_with_excerpt(diagnostic, text, 1));
        }
    }
    if (errors + warnings == 0) {
        print(std::to_string(files.size()) + (files.size() == 1 ? " file is" : " files are") + " fine\n");
    } else {
        print(std::to_string(errors) + (errors == 1 ? " error, " : " errors, ") + std::to_string(warnings) +
              (warnings == 1 ? " warning\n" : " warnings\n"));
    }
    return errors == 0 ? kDone : kFailed;
}

}  // namespace fencepost::cli
