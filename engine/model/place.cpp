#include "model/place.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace fencepost::model {
namespace {

using Style = SourceMap::Style;

std::size_t offset_of(std::string_view value, const Problem::Spot& spot) {
    std::size_t start = 0;
    for (int line = 1; line < spot.line; ++line) {
        const std::size_t end = value.find('\n', start);
        if (end == std::string_view::npos) break;
        start = end + 1;
    }
    return std::min(value.size(), start + static_cast<std::size_t>(std::max(spot.column, 1) - 1));
}

Position at(int line, std::size_t column) { return {.line = line, .column = static_cast<int>(column)}; }

// Line n of a literal scalar is line n below its header, with the same indentation before each.
std::optional<Position> in_literal(const std::vector<std::string_view>& lines, const SourceMap::Mark& mark,
                                   std::string_view value, const Problem::Spot& spot) {
    const auto texts = lines_of(value);
    const std::size_t row = static_cast<std::size_t>(spot.line) - 1;
    const std::size_t line = static_cast<std::size_t>(mark.line) + row;
    if (row >= texts.size() || line >= lines.size() || !lines[line].ends_with(texts[row]))
        return std::nullopt;
    return at(static_cast<int>(line) + 1,
              lines[line].size() - texts[row].size() + static_cast<std::size_t>(spot.column));
}

std::string_view without_indent(std::string_view line) {
    const std::size_t start = line.find_first_not_of(" \t");
    return start == std::string_view::npos ? std::string_view() : line.substr(start);
}

std::string_view without_trail(std::string_view line) {
    const std::size_t end = line.find_last_not_of(" \t");
    return end == std::string_view::npos ? std::string_view() : line.substr(0, end + 1);
}

// Folded and plain scalars over several lines: each source line's words follow in the value after one blank.
std::optional<Position> in_folded(const std::vector<std::string_view>& lines, std::size_t line,
                                  std::size_t column, std::string_view value, std::size_t offset) {
    std::size_t reached = 0;
    for (; line < lines.size(); ++line, column = 0) {
        const std::string_view whole = lines[line].substr(std::min(column, lines[line].size()));
        const std::string_view rest = without_indent(whole);
        const std::string_view words = without_trail(rest);
        while (reached < value.size() && value[reached] == '\n') ++reached;
        if (words.empty()) continue;
        const std::size_t length = std::min(words.size(), value.size() - reached);
        if (value.substr(reached, length) != words.substr(0, length)) return std::nullopt;
        if (offset <= reached + length) {
            const std::size_t before = lines[line].size() - rest.size();
            return at(static_cast<int>(line) + 1, before + (offset - std::min(offset, reached)) + 1);
        }
        reached += length;
        if (reached < value.size() && value[reached] == ' ') ++reached;
    }
    return std::nullopt;
}

// One line between quotes: '' is one character, and so is \n; longer escapes count as they are written.
std::optional<Position> in_quotes(std::string_view line, const SourceMap::Mark& mark, std::size_t offset) {
    auto column = static_cast<std::size_t>(mark.column);  // of the quote; the text starts right of it
    if (column == 0 || column > line.size()) return std::nullopt;
    const char quote = line[column - 1];
    if (quote != '\'' && quote != '"') return std::nullopt;
    for (std::size_t passed = 0; passed < offset; ++passed) {
        if (column >= line.size()) return std::nullopt;
        if (line[column] == quote && (quote == '"' || line.substr(column, 2) != "''")) return std::nullopt;
        std::size_t width = line[column] == quote ? 2 : 1;
        if (quote == '"' && line[column] == '\\') {
            const char kind = column + 1 < line.size() ? line[column + 1] : '\0';
            width = kind == 'x' ? 4 : kind == 'u' ? 6 : kind == 'U' ? 10 : 2;
        }
        column += width;
    }
    return column < line.size() ? std::optional(at(mark.line, column + 1)) : std::nullopt;
}

}  // namespace

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.push_back(line);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

Problem::Spot spot_at(std::string_view text, std::size_t offset) {
    const std::string_view before = text.substr(0, offset);
    const std::size_t newline = before.rfind('\n');
    const std::size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
    return {.line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
            .column = static_cast<int>(before.size() - line_start) + 1};
}

Position place_of(const std::vector<std::string_view>& lines, const SourceMap::Mark& mark,
                  std::string_view value, const Problem::Spot& spot) {
    const Position start = at(mark.line, static_cast<std::size_t>(mark.column));
    if (mark.line < 1 || spot.line < 1) return start;
    const auto line = static_cast<std::size_t>(mark.line) - 1;
    if (line >= lines.size()) return start;
    const std::size_t offset = offset_of(value, spot);
    std::optional<Position> found;
    switch (mark.style) {
        case Style::kLiteral:
            found = in_literal(lines, mark, value, spot);
            break;
        case Style::kFolded:
            found = in_folded(lines, line + 1, 0, value, offset);
            break;
        case Style::kSingleQuoted:
        case Style::kDoubleQuoted:
            found = in_quotes(lines[line], mark, offset);
            break;
        case Style::kPlain:
            found = in_folded(lines, line, static_cast<std::size_t>(mark.column) - 1, value, offset);
            break;
    }
    return found.value_or(start);
}

const Value& value_at(const Value& root, std::string_view pointer) {
    const Value* value = &root;
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const std::string_view token = pointer.substr(0, pointer.find('/'));
        pointer.remove_prefix(token.size());
        std::string key;
        for (std::size_t i = 0; i < token.size(); ++i) {
            const bool is_escape = token[i] == '~' && i + 1 < token.size();
            if (is_escape) ++i;
            key += !is_escape ? token[i] : token[i] == '1' ? '/' : '~';
        }
        if (value->is_list()) {
            std::size_t index = 0;
            for (const char c : key) index = index * 10 + static_cast<std::size_t>(c - '0');
            static const Value kNil;
            value = index < value->as_list().size() ? &value->as_list()[index] : &kNil;
        } else {
            value = &(*value)[key];
        }
    }
    return *value;
}

std::vector<Diagnostic> to_diagnostics(std::vector<Problem> problems, const YamlDocument& document,
                                       std::string_view source, std::string_view file) {
    std::vector<Diagnostic> diagnostics;
    const auto lines = lines_of(source);
    for (Problem& problem : problems) {
        const SourceMap::Mark mark = problem.pointer.empty()
                                         ? SourceMap::Mark{document.first_line, 1, SourceMap::Style::kPlain}
                                         : document.source.at(problem.pointer, problem.part);
        Position position{.line = mark.line, .column = mark.column};
        if (problem.spot)
            position =
                place_of(lines, mark, value_at(document.value, problem.pointer).string_or(""), *problem.spot);
        position.file = file;
        diagnostics.push_back({.severity = problem.severity,
                               .position = std::move(position),
                               .rule = std::move(problem.rule),
                               .message = std::move(problem.message),
                               .hint = std::move(problem.hint),
                               .fix = std::move(problem.fix)});
    }
    std::stable_sort(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& a, const Diagnostic& b) {
        return std::tie(a.position.line, a.position.column, a.severity, a.message) <
               std::tie(b.position.line, b.position.column, b.severity, b.message);
    });
    return diagnostics;
}

}  // namespace fencepost::model
