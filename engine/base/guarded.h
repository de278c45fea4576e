// Shared state that cannot be touched without its lock:
//
//     Guarded<Queue> queue;
//     { auto q = queue.lock(); q->push(1); q.notify_all(); }
//     { auto q = queue.lock(); q.wait([&] { return !q->empty(); }); }
//
// REQUIRES: a Locked never outlives its Guarded. Waits for longer than an instant belong to CancelToken-aware
// code: wake them with notify_all() from CancelToken::on_cancel.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace fencepost {

template <typename T>
class Guarded {
  public:
    Guarded() = default;
    explicit Guarded(T value) : value_(std::move(value)) {}

    class Locked {
      public:
        explicit Locked(Guarded& owner) : owner_(&owner), lock_(owner.mutex_) {}
        T* operator->() noexcept { return &owner_->value_; }
        T& operator*() noexcept { return owner_->value_; }
        void notify_all() noexcept { owner_->changed_.notify_all(); }
        template <typename Predicate>
        void wait(Predicate predicate) {
            owner_->changed_.wait(lock_, predicate);
        }
        // True if the predicate became true before `until`.
        template <typename Predicate>
        [[nodiscard]] bool wait_until(std::chrono::steady_clock::time_point until, Predicate predicate) {
            return owner_->changed_.wait_until(lock_, until, predicate);
        }
        // Releases and retakes the lock around `work`.
        template <typename Work>
        void unlocked(Work work) {
            lock_.unlock();
            work();
            lock_.lock();
        }

      private:
        Guarded* owner_;
        std::unique_lock<std::mutex> lock_;
    };

    [[nodiscard]] Locked lock() { return Locked(*this); }

  private:
    friend class Locked;
    std::mutex mutex_;
    std::condition_variable changed_;
    T value_{};
};

}  // namespace fencepost
