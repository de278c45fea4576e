#include "net/retry.h"

#include <catch2/catch.hpp>

#include "base/task_group.h"

using namespace fencepost;
using namespace std::chrono_literals;

namespace {
// Time passes at once.
class InstantClock final : public Clock {
  public:
    SystemTime now() const override { return {}; }
    SteadyTime steady_now() const override { return {}; }
    void sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) override {
        cancel.throw_if_cancelled();
        slept += duration;
        longest = std::max(longest, duration);
        ++sleeps;
    }
    std::chrono::nanoseconds slept{0};
    std::chrono::nanoseconds longest{0};
    int sleeps = 0;
};
}  // namespace

TEST_CASE("a transient error is retried until the work succeeds") {
    InstantClock clock;
    int calls = 0;
    net::retry({}, clock, {}, [&] {
        if (++calls < 4) throw Error(ErrorKind::kUnavailable, "down");
    });
    CHECK(calls == 4);
    CHECK(clock.sleeps == 3);
}

TEST_CASE("an error that a retry cannot cure goes on at once") {
    InstantClock clock;
    int calls = 0;
    CHECK_THROWS_AS(net::retry({}, clock, {},
                               [&] {
                                   ++calls;
                                   throw Error(ErrorKind::kForbidden, "no");
                               }),
                    Error);
    CHECK(calls == 1);
}

TEST_CASE("when the attempts are used up the last error says how many there were") {
    InstantClock clock;
    const net::RetryPolicy policy{.attempts = 20, .first_delay = 100ms, .longest_delay = 1s};
    try {
        net::retry(policy, clock, {}, [] { throw Error(ErrorKind::kTimeout, "slow"); });
        FAIL("nothing was thrown");
    } catch (const Error& error) {
        CHECK(std::string(error.what()) == "after 20 attempts: slow");
    }
    CHECK(clock.sleeps == 19);
    CHECK(clock.longest <= 1s);
    CHECK(clock.slept > 0s);
}

TEST_CASE("cancellation ends the retries") {
    InstantClock clock;
    CancelSource source;
    CHECK_THROWS_AS(net::retry({}, clock, source.token(),
                               [&] {
                                   source.cancel(CancelReason::kUser);
                                   throw Error(ErrorKind::kUnavailable, "down");
                               }),
                    Cancelled);
}
