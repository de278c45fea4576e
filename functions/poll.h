// Waiting for what an object becomes, by looking again and again: with growing pauses, until
// the limit or cancellation. A look asks for `get` alone, which every role that Kanister needs grants; a
// watch would need more. Blocking; any thread.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "cluster/cluster.h"
#include "run/function.h"

namespace fencepost::functions {

inline constexpr std::chrono::milliseconds kLongestPause{2000};

// Until `look` returns true; false once the limit is so near that the phase's own alarm is about to ring: the
// caller can still say what it waited for. Throws Cancelled and what `look` throws.
[[nodiscard]] bool poll_until(run::RunContext& run, Deadline limit, const std::function<bool()>& look,
                              std::chrono::milliseconds longest_pause = kLongestPause);

// Until there is no object of that name, or one with another uid; uid "" is any. Errors: kTimeout with the
// finalizers that hold it.
void wait_until_gone(run::RunContext& run, const cluster::ObjectKey& key, const std::string& uid);

}  // namespace fencepost::functions
