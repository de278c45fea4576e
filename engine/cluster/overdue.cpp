#include "cluster/overdue.h"

#include "base/encodings.h"

namespace fencepost::cluster {

std::optional<SystemTime> overdue_from(const Value& pod) {
    constexpr std::chrono::seconds kLastWork{30};  // of a kubelet, once the Pod's grace is over
    const std::string due = pod.get("metadata", "deletionTimestamp").string_or("");
    if (due.empty()) return std::nullopt;
    return parse_rfc3339(due) + kLastWork;
}

}  // namespace fencepost::cluster
