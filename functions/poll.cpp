#include "functions/poll.h"

#include <algorithm>

#include "base/error.h"
#include "cluster/idempotent.h"

namespace fencepost::functions {

namespace {

constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLastWords{100};  // for saying why, before the phase's alarm rings

}  // namespace

bool poll_until(run::RunContext& run, Deadline limit, const std::function<bool()>& look,
                std::chrono::milliseconds longest_pause) {
    Clock& clock = run.world().clock;
    std::chrono::nanoseconds pause = kFirstPause;
    while (!look()) {
        const std::chrono::nanoseconds left = limit - clock.steady_now() - kLastWords;
        if (left <= std::chrono::nanoseconds{0}) return false;
        clock.sleep(std::min(pause, left), run.cancel());
        pause = std::min<std::chrono::nanoseconds>(pause * 2, longest_pause);
    }
    return true;
}

void wait_until_gone(run::RunContext& run, const cluster::ObjectKey& key, const std::string& uid) {
    std::string holders;
    const bool is_gone = poll_until(run, run.deadline(), [&] {
        const auto there = find_object(run.world().cluster, key);
        if (!there || (!uid.empty() && cluster::uid_of(*there) != uid)) return true;
        holders.clear();
        for (const Value& finalizer : there->get("metadata", "finalizers").list_or_empty())
            holders += (holders.empty() ? "" : ", ") + finalizer.string_or("");
        return false;
    });
    if (is_gone) return;
    throw Error(ErrorKind::kTimeout,
                to_string(key) + " is still there" + (holders.empty() ? "" : ": it is held by " + holders));
}

}  // namespace fencepost::functions
