// Tells the phase how many bytes have passed: every second, and when asked to. Used by one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "kando/marker.h"
#include "kando/verbs.h"

namespace fencepost::kando {

class Meter {
  public:
    // `what` as in progress_marker().
    Meter(const World& world, std::string_view what)
        : world_(world), what_(what), told_(world.clock.steady_now()) {}
    void add(std::uint64_t bytes) { advance_to(bytes_ + bytes); }
    void advance_to(std::uint64_t bytes) {
        bytes_ = bytes;
        const SteadyTime now = world_.clock.steady_now();
        if (now - told_ < kTellEvery) return;
        told_ = now;
        tell();
    }
    void tell() const { print(world_, progress_marker(what_, bytes_)); }

  private:
    static constexpr std::chrono::seconds kTellEvery{1};
    const World& world_;
    std::string_view what_;
    std::uint64_t bytes_ = 0;
    SteadyTime told_;
};

}  // namespace fencepost::kando
