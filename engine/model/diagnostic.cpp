#include "base/ascii.h"
#include "model/diagnostic.h"

#include <algorithm>
#include <cstddef>

namespace fencepost::model {
namespace {

// Insertions, deletions, changes and swaps of neighbours that turn one into the other.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_previous(b.size() + 1);
    std::vector<std::size_t> previous(b.size() + 1);
    std::vector<std::size_t> current(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            current[j] = std::min({previous[j] + 1, current[j - 1] + 1, change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                current[j] = std::min(current[j], before_previous[j - 2] + 1);
            }
        }
        std::swap(before_previous, previous);
        std::swap(previous, current);
    }
    return previous[b.size()];
}

// Names are short; what is longer than this is no misspelling of one.
constexpr std::size_t kMaxCompared = 256;

}  // namespace

std::string to_text(const Diagnostic& diagnostic) {
    const Position& at = diagnostic.position;
    std::string text = at.file;
    if (at.line > 0) {
        text += (text.empty() ? "" : ":") + std::to_string(at.line);
        if (at.column > 0) text += ":" + std::to_string(at.column);
    }
    if (!text.empty()) text += ": ";
    switch (diagnostic.severity) {
        case Severity::kError:
            text += "error: ";
            break;
        case Severity::kWarning:
            text += "warning: ";
            break;
        case Severity::kInfo:
            text += "info: ";
            break;
    }
    text += diagnostic.message;
    if (!diagnostic.rule.empty()) text += " [" + diagnostic.rule + "]";
    return text;
}

bool has_errors(const std::vector<Diagnostic>& diagnostics) noexcept {
    return std::any_of(diagnostics.begin(), diagnostics.end(),
                       [](const Diagnostic& one) { return one.severity == Severity::kError; });
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
    if (name.empty() || name.size() > kMaxCompared) return {};
    const std::string wanted = ascii_lower(name);
    // A third of the letters may be wrong: "KubTsk" is near KubeTask, "Wait" is not near "Sale".
    std::size_t best = std::max<std::size_t>(1, wanted.size() / 3) + 1;
    const std::string* found = nullptr;
    for (const std::string& candidate : candidates) {
        if (candidate.size() > kMaxCompared) continue;
        const std::size_t distance = edit_distance(wanted, ascii_lower(candidate));
        if (distance < best && candidate != name) {
            best = distance;
            found = &candidate;
        }
    }
    return found == nullptr ? std::string() : *found;
}

}  // namespace fencepost::model
