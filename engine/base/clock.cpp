#include "base/clock.h"

#include <condition_variable>
#include <mutex>

namespace fencepost {

SystemTime SystemClock::now() const { return std::chrono::system_clock::now(); }
SteadyTime SystemClock::steady_now() const { return std::chrono::steady_clock::now(); }
void SystemClock::sleep(std::chrono::nanoseconds duration, const CancelToken& cancel) {
    if (!cancel.wait_for(duration)) cancel.throw_if_cancelled();
}

struct ManualClock::Impl {
    mutable std::mutex mutex;
    std::condition_variable changed;
    SystemTime system;
    SteadyTime steady{std::chrono::seconds{1}};
    int sleepers = 0;
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
    auto wake = cancel.on_cancel([this] {
        std::lock_guard lock(impl_->mutex);
        impl_->changed.notify_all();
    });
    std::unique_lock lock(impl_->mutex);
    const SteadyTime until = impl_->steady + duration;
    ++impl_->sleepers;
    impl_->changed.notify_all();
    impl_->changed.wait(lock, [&] { return impl_->steady >= until || cancel.is_cancelled(); });
    --impl_->sleepers;
    const bool done = impl_->steady >= until;
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
    return impl_->sleepers;
}

}  // namespace fencepost
