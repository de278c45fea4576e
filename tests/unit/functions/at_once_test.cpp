// Work on several Pods at once: what each failed with, how many at a time, and what they tell together.
#include "functions/at_once.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/cancel.h"

namespace fencepost::functions {

TEST_CASE("all that fails is told in its order, and what does not is done") {
    Guarded<int> done;
    const Failures failures = all_at_once(4, 2, [&](std::size_t i) {
        if (i % 2 == 1) throw Error(ErrorKind::kForbidden, "no " + std::to_string(i));
        ++*done.lock();
    });
    CHECK(*done.lock() == 2);
    REQUIRE(failures.size() == 4);
    CHECK((!failures[0] && !failures[2]));
    try {
        throw_failures(failures, "two are done");
        FAIL("it did not throw");
    } catch (const Error& error) {
        CHECK(error.message() == "no 1\nno 3\ntwo are done");
        CHECK(error.kind() == ErrorKind::kForbidden);
    }
    try {
        throw_failures({Error(ErrorKind::kForbidden, "a"), std::nullopt, Error(ErrorKind::kTimeout, "b")});
        FAIL("it did not throw");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::kInternal);
    }
    CHECK_NOTHROW(throw_failures(all_at_once(0, 8, [](std::size_t) {}), "nothing"));
}

TEST_CASE("no more work is under way than is allowed, and as much as is") {
    struct Count {
        int now = 0, most = 0;
    };
    Guarded<Count> count;
    (void)all_at_once(12, 3, [&](std::size_t) {
        auto state = count.lock();
        state->most = std::max(state->most, ++state->now);
        state.notify_all();
        // The first three meet; nobody waits for a fourth.
        state.wait([&] { return state->most >= 3; });
        --state->now;
    });
    CHECK(count.lock()->most == 3);
}

TEST_CASE("work that is cancelled cancels the whole") {
    try {
        (void)all_at_once(3, 3, [](std::size_t i) {
            if (i == 1) throw Cancelled(CancelReason::kDeadline);
            throw Error(ErrorKind::kInternal, "not told");
        });
        FAIL("it did not throw");
    } catch (const Cancelled& cancelled) {
        CHECK(cancelled.reason() == CancelReason::kDeadline);
    }
}

TEST_CASE("progress of several is their sum, which never falls") {
    std::vector<std::uint64_t> told;
    SharedProgress progress([&](std::uint64_t bytes) { told.push_back(bytes); });
    const auto one = progress.part();
    const auto other = progress.part();
    one(10);
    other(5);
    one(4);  // a mover that began again
    one(12);
    CHECK(told == std::vector<std::uint64_t>{10, 15, 17});
}

}  // namespace fencepost::functions
