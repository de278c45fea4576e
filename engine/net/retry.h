// Retry with exponential backoff and full jitter, for errors whose kind says that a retry may help.
#pragma once

#include <chrono>
#include <functional>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"

namespace fencepost::net {

struct RetryPolicy {
    int attempts = 5;  // 1 = no retry
    std::chrono::milliseconds first_delay{100};
    std::chrono::milliseconds longest_delay{5'000};
};

// Calls work() until it returns, throws something that is not a transient Error, or the attempts are used up
// (then the last Error goes on, with "after N attempts" in its trace).
void retry(const RetryPolicy& policy, Clock& clock, const CancelToken& cancel,
           const std::function<void()>& work);

}  // namespace fencepost::net
