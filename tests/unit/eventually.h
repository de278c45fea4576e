// The one patience of the tests: whether what another thread or process works at comes to be. Only a fault
// uses the minute up; a busy machine, or a sanitizer, does not.
#pragma once

#include <chrono>
#include <thread>

namespace fencepost {

inline constexpr std::chrono::seconds kPatience{60};

template <typename Condition>
bool eventually(Condition is_so) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!is_so()) {
        if (std::chrono::steady_clock::now() >= until) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

}  // namespace fencepost
