// What a Pod's status tells people: why it does not start, never will, or has failed. Reasons are the
// kubelet's and the scheduler's own words (ImagePullBackOff, Unschedulable, Evicted, OOMKilled ...) with
// their messages. Functions are pure and thread-safe; a PendingPod belongs to one thread.
#pragma once

#include <set>
#include <string>

#include "value/value.h"

namespace fencepost::functions {

[[nodiscard]] bool is_pending(const Value& pod);
[[nodiscard]] bool has_failed(const Value& pod);
[[nodiscard]] bool has_ended(const Value& pod);  // well or not

// Why it has not started yet, "" where nothing tells: the scheduler's reason, or that of its containers.
[[nodiscard]] std::string waiting_reason(const Value& pod);
// Why it has failed; never "".
[[nodiscard]] std::string failure_reason(const Value& pod);
// Why Kubernetes has ended it or is about to (evicted, preempted, its node is gone), or "".
[[nodiscard]] std::string disruption_reason(const Value& pod);

// One Pod from its creation to its start.
class PendingPod {
  public:
    // Why it will never start, or "". To be shown every state of the Pod, oldest first: an image that could
    // not be pulled is given the kubelet's first back-off, and is hopeless when it cannot be pulled after it.
    [[nodiscard]] std::string hopeless_reason(const Value& pod);

  private:
    std::set<std::string> backed_off_;  // containers
};

}  // namespace fencepost::functions
