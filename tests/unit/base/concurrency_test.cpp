#include <catch2/catch.hpp>

#include <atomic>
#include <thread>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/task_group.h"

using namespace fencepost;
using namespace std::chrono_literals;

TEST_CASE("a cancelled parent cancels its children with its own reason, and the first reason stays") {
    CancelSource parent;
    CancelSource child(parent.token());
    CHECK_FALSE(child.token().is_cancelled());
    parent.cancel(CancelReason::kDeadline);
    parent.cancel(CancelReason::kUser);
    REQUIRE(child.token().reason().has_value());
    CHECK(*child.token().reason() == CancelReason::kDeadline);
    CHECK_THROWS_AS(child.token().throw_if_cancelled(), Cancelled);
}

TEST_CASE("a callback runs once, at once where it is late, and never after it was destroyed") {
    CancelSource source;
    int calls = 0;
    auto kept = source.token().on_cancel([&] { ++calls; });
    {
        auto dropped = source.token().on_cancel([&] { calls += 100; });
    }
    source.cancel(CancelReason::kUser);
    CHECK(calls == 1);
    auto late = source.token().on_cancel([&] { ++calls; });
    CHECK(calls == 2);
}

TEST_CASE("a wait ends early when it is cancelled") {
    CancelSource source;
    std::thread canceller([&] { source.cancel(CancelReason::kUser); });
    CHECK_FALSE(source.token().wait_for(1h));
    canceller.join();
    CHECK(CancelToken{}.wait_for(1ms));
}

TEST_CASE("a manual clock wakes its sleepers when it is moved past them") {
    ManualClock clock;
    std::atomic<bool> woke{false};
    TaskGroup tasks;
    tasks.spawn([&] {
        clock.sleep(10s, CancelToken{});
        woke = true;
    });
    while (clock.sleepers() == 0) std::this_thread::yield();
    clock.advance(9s);
    CHECK_FALSE(woke);
    clock.advance(1s);
    tasks.join();
    CHECK(woke);
}

TEST_CASE("a task group joins every task, also those that a task spawned") {
    std::atomic<int> done{0};
    {
        TaskGroup tasks;
        for (int i = 0; i < 50; ++i) {
            tasks.spawn([&] {
                tasks.spawn([&] { ++done; });
                ++done;
            });
        }
    }
    CHECK(done == 100);
}

TEST_CASE("guarded state waits for what another thread changes") {
    Guarded<int> value(0);
    TaskGroup tasks;
    tasks.spawn([&] {
        auto locked = value.lock();
        *locked = 7;
        locked.notify_all();
    });
    auto locked = value.lock();
    locked.wait([&] { return *locked == 7; });
    CHECK(*locked == 7);
}
