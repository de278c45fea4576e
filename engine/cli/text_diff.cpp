#include "cli/text_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace fencepost::cli {
namespace {

constexpr std::size_t kAround = 3;
// Above this the middle is told as one change: the table would want more memory than it is worth.
constexpr std::size_t kMaxCells = 16'000'000;

using Lines = std::vector<std::string_view>;

Lines lines_of(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

struct Edit {
    char mark;  // ' ', '-' or '+'
    std::string_view line;
};

// By the longest common subsequence.
void compare(const Lines& a, const Lines& b, std::vector<Edit>& edits) {
    const std::size_t width = b.size() + 1;
    if ((a.size() + 1) * width > kMaxCells) {
        for (const auto line : a) edits.push_back({'-', line});
        for (const auto line : b) edits.push_back({'+', line});
        return;
    }
    std::vector<std::uint32_t> longest((a.size() + 1) * width, 0);
    for (std::size_t i = a.size(); i-- > 0;) {
        for (std::size_t j = b.size(); j-- > 0;) {
            longest[i * width + j] = a[i] == b[j]
                                         ? longest[(i + 1) * width + j + 1] + 1
                                         : std::max(longest[(i + 1) * width + j], longest[i * width + j + 1]);
        }
    }
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.size() || j < b.size()) {
        if (i < a.size() && j < b.size() && a[i] == b[j]) {
            edits.push_back({' ', a[i++]});
            ++j;
        } else if (j == b.size() ||
                   (i < a.size() && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
            edits.push_back({'-', a[i++]});
        } else {
            edits.push_back({'+', b[j++]});
        }
    }
}

}  // namespace

std::string text_diff(std::string_view before, std::string_view after) {
    if (before == after) return {};
    std::vector<Edit> edits;
    compare(lines_of(before), lines_of(after), edits);
    std::string text;
    std::size_t told = 0;  // edits that are written or left out
    for (std::size_t i = 0; i < edits.size(); ++i) {
        if (edits[i].mark == ' ') continue;
        const std::size_t from = std::max(told, i < kAround ? 0 : i - kAround);
        if (from > told || (told == 0 && from > 0)) text += "...\n";
        std::size_t last = i;  // of this change, with what follows closely
        for (std::size_t next = i + 1; next < edits.size() && next <= last + 2 * kAround; ++next) {
            if (edits[next].mark != ' ') last = next;
        }
        const std::size_t end = std::min(edits.size(), last + kAround + 1);
        for (std::size_t at = from; at < end; ++at)
            text.append(1, edits[at].mark).append(" ").append(edits[at].line).append("\n");
        told = end;
        i = last;
    }
    return text.empty() ? "- (the texts differ in their last line's end)\n" : text;
}

}  // namespace fencepost::cli
