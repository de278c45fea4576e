#include "base/clock.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace fencepost {

SystemTime SystemClock::now() const { return std::chrono::system_clock::now(); }
SteadyTime SystemClock::steady_now() const { return std::chrono::steady_clock::now(); }
void SystemClock::sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) {
    if (!cancel.wait_for(duration)) cancel.throw_if_cancelled();
}

struct ManualClock::Impl {
    struct Sleeper {
        SteadyTime until;
        bool is_cancelled = false;
    };
    mutable std::mutex mutex;
    std::condition_variable changed;
    SystemTime system;
    SteadyTime steady{std::chrono::seconds{1}};
    std::vector<const Sleeper*> sleepers;
};

ManualClock::ManualClock(SystemTime start) : impl_(std::make_unique<Impl>()) { impl_->system = start; }
ManualClock::~ManualClock() = default;

SystemTime ManualClock::now() const {
    std::lock_guard lock(impl_->mutex);
    return impl_->system;
}

SteadyTime ManualClock::steady_now() const {
    std::lock_guard lock(impl_->mutex);
    return impl_->steady;
}

void ManualClock::sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) {
    Impl::Sleeper sleeper{SteadyTime::max()};
    auto wake = cancel.on_cancel([this, &sleeper] {
        std::lock_guard lock(impl_->mutex);
        sleeper.is_cancelled = true;
        impl_->changed.notify_all();
    });
    std::unique_lock lock(impl_->mutex);
    sleeper.until = impl_->steady + duration;
    impl_->sleepers.push_back(&sleeper);
    impl_->changed.notify_all();
    impl_->changed.wait(lock, [&] { return impl_->steady >= sleeper.until || sleeper.is_cancelled; });
    std::erase(impl_->sleepers, &sleeper);
    const bool done = impl_->steady >= sleeper.until;
    lock.unlock();
    if (!done) cancel.throw_if_cancelled();
}

void ManualClock::advance(std::chrono::nanoseconds duration) {
    std::lock_guard lock(impl_->mutex);
    impl_->steady += duration;
    impl_->system += std::chrono::duration_cast<SystemTime::duration>(duration);
    impl_->changed.notify_all();
}

int ManualClock::sleepers() const {
    std::lock_guard lock(impl_->mutex);
    return static_cast<int>(
        std::count_if(impl_->sleepers.begin(), impl_->sleepers.end(), [&](const Impl::Sleeper* sleeper) {
            return !sleeper->is_cancelled && sleeper->until > impl_->steady;
        }));
}

}  // namespace fencepost
