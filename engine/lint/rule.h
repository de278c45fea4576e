// The table of rules: everything that `fencepost lint` can say, one row each. The pages in docs/lint are made
// from it and from the samples in tests/golden/lint. Ids are stable: tools filter by them. Immutable.
#pragma once

#include <span>
#include <string_view>

#include "model/diagnostic.h"

namespace fencepost::lint {

struct Rule {
    std::string_view id;
    model::Severity severity;  // the worst that it says
    std::string_view summary;  // one line: what is wrong
    std::string_view why;      // what comes of it, and what to do
};

[[nodiscard]] std::span<const Rule> rules() noexcept;
[[nodiscard]] const Rule* find_rule(std::string_view id) noexcept;  // nullptr: there is none

}  // namespace fencepost::lint
