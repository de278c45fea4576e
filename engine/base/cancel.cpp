#include "base/cancel.h"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace fencepost {

std::string_view to_string(CancelReason reason) noexcept {
    switch (reason) {
        case CancelReason::kUser:
            return "cancelled by the user";
        case CancelReason::kDeadline:
            return "deadline exceeded";
        case CancelReason::kShutdown:
            return "the daemon is shutting down";
        case CancelReason::kOverload:
            return "overloaded";
    }
    return "cancelled";
}

struct CancelState {
    std::atomic<bool> cancelled{false};
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<CancelReason> reason;
    std::map<unsigned long, std::function<void()>> callbacks;
    unsigned long next_id = 1;
    unsigned long running_id = 0;
    std::thread::id runner;
};

namespace {

void cancel_state(CancelState& state, CancelReason reason) noexcept {
    std::unique_lock lock(state.mutex);
    if (state.reason) return;
    state.reason = reason;
    state.cancelled.store(true, std::memory_order_release);
    state.runner = std::this_thread::get_id();
    state.changed.notify_all();
    while (!state.callbacks.empty()) {
        auto node = state.callbacks.extract(state.callbacks.begin());
        state.running_id = node.key();
        lock.unlock();
        node.mapped()();
        lock.lock();
        state.running_id = 0;
        state.changed.notify_all();
    }
}

}  // namespace

CancelCallback::CancelCallback() noexcept = default;
CancelCallback::CancelCallback(std::shared_ptr<CancelState> state, unsigned long id) noexcept
    : state_(std::move(state)), id_(id) {}
CancelCallback::CancelCallback(CancelCallback&& other) noexcept
    : state_(std::move(other.state_)), id_(std::exchange(other.id_, 0)) {}
CancelCallback& CancelCallback::operator=(CancelCallback&& other) noexcept {
    CancelCallback old(std::move(*this));
    state_ = std::move(other.state_);
    id_ = std::exchange(other.id_, 0);
    return *this;
}
CancelCallback::~CancelCallback() {
    if (!state_ || id_ == 0) return;
    std::unique_lock lock(state_->mutex);
    if (state_->callbacks.erase(id_) != 0) return;
    if (state_->runner == std::this_thread::get_id()) return;  // destroyed by the callback itself
    state_->changed.wait(lock, [&] { return state_->running_id != id_; });
}

CancelToken::CancelToken(std::shared_ptr<CancelState> state) noexcept : state_(std::move(state)) {}

bool CancelToken::is_cancelled() const noexcept {
    return state_ && state_->cancelled.load(std::memory_order_acquire);
}

std::optional<CancelReason> CancelToken::reason() const noexcept {
    if (!is_cancelled()) return std::nullopt;
    std::lock_guard lock(state_->mutex);
    return state_->reason;
}

void CancelToken::throw_if_cancelled() const {
    if (auto why = reason()) throw Cancelled(*why);
}

bool CancelToken::wait_until(std::chrono::steady_clock::time_point until) const {
    if (!state_) {
        std::this_thread::sleep_until(until);
        return true;
    }
    std::unique_lock lock(state_->mutex);
    return !state_->changed.wait_until(lock, until, [&] { return state_->reason.has_value(); });
}

bool CancelToken::wait_for(std::chrono::nanoseconds duration) const {
    return wait_until(std::chrono::steady_clock::now() + duration);
}

CancelCallback CancelToken::on_cancel(std::function<void()> callback) const {
    if (!state_) return {};
    {
        std::lock_guard lock(state_->mutex);
        if (!state_->reason) {
            const unsigned long id = state_->next_id++;
            state_->callbacks.emplace(id, std::move(callback));
            return CancelCallback(state_, id);
        }
    }
    callback();
    return {};
}

CancelSource::CancelSource() : state_(std::make_shared<CancelState>()) {}
CancelSource::CancelSource(const CancelToken& parent) : state_(std::make_shared<CancelState>()) {
    parent_link_ = parent.on_cancel([state = state_, parent] {
        cancel_state(*state, parent.reason().value_or(CancelReason::kShutdown));
    });
}
CancelSource::~CancelSource() = default;

void CancelSource::cancel(CancelReason reason) noexcept { cancel_state(*state_, reason); }
CancelToken CancelSource::token() const noexcept { return CancelToken(state_); }

}  // namespace fencepost
