#include "net/retry.h"

#include <algorithm>
#include <random>

namespace fencepost::net {
namespace {

// Full jitter: anything between nothing and the exponential delay, so that many callers do not come back
// together.
std::chrono::milliseconds jittered(const RetryPolicy& policy, int failures) {
    auto longest = policy.first_delay;
    for (int i = 1; i < failures && longest < policy.longest_delay; ++i) longest *= 2;
    longest = std::min(longest, policy.longest_delay);
    thread_local std::minstd_rand random{std::random_device{}()};
    return std::chrono::milliseconds{
        std::uniform_int_distribution<std::chrono::milliseconds::rep>(0, longest.count())(random)};
}

}  // namespace

void retry(const RetryPolicy& policy, Clock& clock, const CancelToken& cancel,
           const std::function<void()>& work) {
    for (int attempt = 1;; ++attempt) {
        cancel.throw_if_cancelled();
        try {
            work();
            return;
        } catch (Error& error) {
            if (!error.is_transient()) throw;
            if (attempt >= policy.attempts) {
                if (attempt > 1) error.add_trace("after " + std::to_string(attempt) + " attempts");
                throw;
            }
        }
        clock.sleep(jittered(policy, attempt), cancel);
    }
}

}  // namespace fencepost::net
