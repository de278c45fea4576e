// A problem in an input file. Problems are collected, so that a user sees all of a file's in one run.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace fencepost::model {

enum class Severity { kError, kWarning, kInfo };

// A repair of the text at a diagnostic's place: what is written there, and what should be. Only where the
// meaning cannot change for the worse.
struct Fix {
    std::string was;
    std::string now;
};

struct Diagnostic {
    Severity severity = Severity::kError;
    Position position;
    std::string rule;     // "unknown-function", "BND-E01"
    std::string message;  // what and where
    std::string hint;     // what to do: "did you mean 'KubeTask'?"
    std::optional<Fix> fix = std::nullopt;
};

[[nodiscard]] std::string to_text(const Diagnostic& diagnostic);  // "file:line:col: error: message [rule]"
[[nodiscard]] bool has_errors(const std::vector<Diagnostic>& diagnostics) noexcept;
// The nearest of the candidates by edit distance, or "" where none is near.
[[nodiscard]] std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace fencepost::model
