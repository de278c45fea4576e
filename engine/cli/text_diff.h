// Two texts line by line: what went and what came. Pure.
#pragma once

#include <string>
#include <string_view>

namespace fencepost::cli {

// Lines with "- ", "+ " or "  " before them, with three lines around each change; "" where they are equal.
[[nodiscard]] std::string text_diff(std::string_view before, std::string_view after);

}  // namespace fencepost::cli
