#include <algorithm>

#include "base/error.h"
#include "cli/manifests.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {
namespace {

std::string line_of(std::string_view text, int number) {
    for (int i = 1; i < number; ++i) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    return std::string(text.substr(0, text.find('\n')));
}

// A line that no terminal is wide enough for shows what is around the place.
constexpr std::size_t kMaxExcerpt = 160;

bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// The source line, and a caret below the column; tabs stay tabs, so that the caret stands where the eye sees
// it.
std::string excerpt(std::string_view text, const Position& position) {
    const std::string line = line_of(text, position.line);
    if (line.empty() || position.column < 1) return {};
    const std::size_t at = static_cast<std::size_t>(position.column) - 1;
    std::size_t begin = line.size() <= kMaxExcerpt || at < kMaxExcerpt / 2 ? 0 : at - kMaxExcerpt / 2;
    begin = std::min(begin, line.size());
    while (begin < line.size() && is_continuation(line[begin])) ++begin;
    std::size_t end = std::min(line.size(), begin + kMaxExcerpt);
    while (end < line.size() && is_continuation(line[end])) ++end;
    std::string caret(begin > 0 ? 3 : 0, ' ');
    for (std::size_t i = begin; i < at; ++i) {
        const char c = i < line.size() ? line[i] : ' ';
        if (!is_continuation(c)) caret += c == '\t' ? '\t' : ' ';
    }
    return "    " + std::string(begin > 0 ? "..." : "") + line.substr(begin, end - begin) +
           (end < line.size() ? "..." : "") + "\n    " + caret + paint("^", Colour::kGreen) + "\n";
}

Colour colour_of(model::Severity severity) {
    switch (severity) {
        case model::Severity::kError:
            return Colour::kRed;
        case model::Severity::kWarning:
            return Colour::kYellow;
        case model::Severity::kInfo:
            return Colour::kDim;
    }
    return Colour::kNone;
}

}  // namespace

int lint(const LintOptions& options, std::span<const model::FunctionSpec> functions) {
    int errors = 0;
    int warnings = 0;
    const auto files = expand_folders(options.files);
    for (const std::string& file : files) {
        const std::string text = read_input(file);
        for (const auto& diagnostic : model::validate_text(text, file == "-" ? "stdin" : file, functions)) {
            errors += diagnostic.severity == model::Severity::kError ? 1 : 0;
            warnings += diagnostic.severity == model::Severity::kWarning ? 1 : 0;
            print(paint(model::to_text(diagnostic), colour_of(diagnostic.severity)) + "\n");
            print(excerpt(text, diagnostic.position));
            if (!diagnostic.hint.empty()) print("    " + diagnostic.hint + "\n");
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
