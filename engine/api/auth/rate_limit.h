// A token bucket for each caller: so many requests a second, and as many again at once. Callers that have not
// been seen for a while are forgotten. Thread-safe.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "base/guarded.h"

namespace fencepost::api {

class RateLimit {
  public:
    // 0 a second: no limit.
    RateLimit(int requests_per_second, Clock& clock) : per_second_(requests_per_second), clock_(clock) {}
    // How long to wait before the next try; zero: this one may go.
    [[nodiscard]] std::chrono::milliseconds take(const std::string& caller);

  private:
    struct Bucket {
        double tokens = 0;
        SteadyTime filled;
    };
    const int per_second_;
    Clock& clock_;
    Guarded<std::map<std::string, Bucket>> buckets_;
};

}  // namespace fencepost::api
