// What people read. Pure; thread-safe.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace fencepost {

// "42s", "3m10s", "5h", "2d": Kubernetes' way to write how long something has lasted.
[[nodiscard]] std::string human_duration(std::chrono::seconds duration);
// "a, b, c": what stands between two words comes behind all but the last.
[[nodiscard]] std::string joined(const std::vector<std::string>& words, std::string_view between);

// The text, or its first bytes and "...": never cut in the middle of a UTF-8 character.
[[nodiscard]] std::string shortened(std::string text, std::size_t bytes);

}  // namespace fencepost
