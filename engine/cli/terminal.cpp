#include "cli/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/encodings.h"
#include "base/error.h"
#include "base/human.h"

namespace fencepost::cli {
namespace {

// UTF-8 bytes that begin a character: what a terminal counts, near enough.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

bool is_terminal(int fd) noexcept { return ::isatty(fd) == 1; }

std::string paint(std::string_view text, Colour colour, int fd) {
    if (colour == Colour::kNone || !is_terminal(fd) || std::getenv("NO_COLOR") != nullptr)
        return std::string(text);
    const char* code = colour == Colour::kRed      ? "31"
                       : colour == Colour::kGreen  ? "32"
                       : colour == Colour::kYellow ? "33"
                       : colour == Colour::kBold   ? "1"
                                                   : "2";
    return "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m";
}

std::string table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& cell : header) widths.push_back(width(cell));
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i)
            widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string text;
    const auto add = [&](const std::vector<std::string>& row) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            text += row[i];
            if (i + 1 < row.size()) text.append(widths[i] + 3 - width(row[i]), ' ');
        }
        text += '\n';
    };
    add(header);
    for (const auto& row : rows) add(row);
    return text;
}

std::string indent(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        if (!line.empty()) result += "  " + std::string(line);
        result += '\n';
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return result;
}

std::string age(std::string_view time, SystemTime now) {
    try {
        return human_duration(std::chrono::floor<std::chrono::seconds>(now - parse_rfc3339(time)));
    } catch (const Error&) {
        return "<unknown>";
    }
}

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

void print_error(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

void LiveLines::draw(const std::vector<std::string>& lines) {
    std::string text;
    if (drawn_ > 0) text += "\x1b[" + std::to_string(drawn_) + "A";
    for (const auto& line : lines) text += "\x1b[2K" + line + "\n";
    drawn_ = lines.size();
    print(text);
}

}  // namespace fencepost::cli
