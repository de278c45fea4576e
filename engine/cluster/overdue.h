// Pods that were to be gone and are not: the kubelet ends a Pod, and where its node is away, nobody does.
// Pure; thread-safe.
#pragma once

#include <optional>

#include "base/clock.h"
#include "value/value.h"

namespace fencepost::cluster {

// From when on a Pod that is being deleted is overdue; nothing where nobody deletes it.
[[nodiscard]] std::optional<SystemTime> overdue_from(const Value& pod);

}  // namespace fencepost::cluster
