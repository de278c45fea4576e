#include "cli/diagnostics.h"

#include <algorithm>

#include "cli/terminal.h"

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
std::string excerpt(std::string_view text, const Position& position, int fd) {
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
           (end < line.size() ? "..." : "") + "\n    " + caret + paint("^", Colour::kGreen, fd) + "\n";
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

std::string to_text_with_excerpt(const model::Diagnostic& diagnostic, std::string_view text, int fd) {
    return paint(model::to_text(diagnostic), colour_of(diagnostic.severity), fd) + "\n" +
           excerpt(text, diagnostic.position, fd) +
           (diagnostic.hint.empty() ? "" : "    " + diagnostic.hint + "\n");
}

}  // namespace fencepost::cli
