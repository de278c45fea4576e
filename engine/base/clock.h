// Time as an interface, so that tests move it by hand and never sleep. `Deadline` is a point on the steady
// clock. Thread safety: all members of both clocks may be called from any thread.
#pragma once

#include <chrono>
#include <memory>

#include "base/cancel.h"

namespace fencepost {

using SystemTime = std::chrono::system_clock::time_point;
using SteadyTime = std::chrono::steady_clock::time_point;
using Deadline = SteadyTime;
inline constexpr Deadline kNoDeadline = Deadline::max();

class Clock {
  public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual SystemTime now() const = 0;
    [[nodiscard]] virtual SteadyTime steady_now() const = 0;
    // Throws Cancelled if the token is cancelled before the time has passed.
    virtual void sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) = 0;
};

class SystemClock final : public Clock {
  public:
    [[nodiscard]] SystemTime now() const override;
    [[nodiscard]] SteadyTime steady_now() const override;
    void sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) override;
};

// A clock that stands still until a test moves it; sleepers wake when it passes their time.
class ManualClock final : public Clock {
  public:
    explicit ManualClock(SystemTime start = SystemTime{std::chrono::seconds{1'700'000'000}});
    ~ManualClock() override;
    [[nodiscard]] SystemTime now() const override;
    [[nodiscard]] SteadyTime steady_now() const override;
    void sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) override;
    void advance(std::chrono::nanoseconds duration);
    [[nodiscard]] int sleepers() const;  // who waits for time to pass, and is not about to wake

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fencepost
