#include "api/auth/rate_limit.h"

#include <algorithm>

namespace fencepost::api {
namespace {

constexpr std::size_t kMostCallers = 1'000;  // callers are identities of the token file: there are few

}  // namespace

std::chrono::milliseconds RateLimit::take(const std::string& caller) {
    if (per_second_ <= 0) return {};
    const SteadyTime now = clock_.steady_now();
    const double most = per_second_;
    auto buckets = buckets_.lock();
    if (buckets->size() > kMostCallers) buckets->clear();
    Bucket& bucket = buckets->try_emplace(caller, Bucket{most, now}).first->second;
    const std::chrono::duration<double> passed = now - bucket.filled;
    bucket.tokens = std::min(most, bucket.tokens + passed.count() * most);
    bucket.filled = now;
    if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        return {};
    }
    return std::chrono::milliseconds(1 + static_cast<std::int64_t>((1 - bucket.tokens) / most * 1'000));
}

}  // namespace fencepost::api
