// What people read. Pure; thread-safe.
#pragma once

#include <chrono>
#include <string>

namespace fencepost {

// "42s", "3m10s", "5h", "2d": Kubernetes' way to write how long something has lasted.
[[nodiscard]] std::string human_duration(std::chrono::seconds duration);

}  // namespace fencepost
