#include "net/handler_pool.h"

#include <chrono>

namespace fencepost::net {
namespace {
constexpr std::chrono::seconds kIdleLife{30};
}

void HandlerPool::run(std::function<void()> task) {
    bool needs_thread = false;
    {
        auto state = state_.lock();
        state->tasks.push_back(std::move(task));
        needs_thread = state->idle < state->tasks.size();
        state.notify_all();
    }
    if (needs_thread) threads_.spawn([this] { work(); });
}

void HandlerPool::work() {
    auto state = state_.lock();
    while (true) {
        ++state->idle;
        const bool has_work = state.wait_until(std::chrono::steady_clock::now() + kIdleLife,
                                               [&] { return !state->tasks.empty() || state->draining; });
        --state->idle;
        if (!has_work || state->tasks.empty()) return;
        auto task = std::move(state->tasks.front());
        state->tasks.pop_front();
        state.unlocked([&] {
            task();
            task = nullptr;  // what it captured goes now, not with the next task
        });
    }
}

void HandlerPool::drain() {
    {
        auto state = state_.lock();
        state->draining = true;
        state.notify_all();
    }
    threads_.join();
}

}  // namespace fencepost::net
