// What the final spec of a Pod may hold: the Pod Security Standards of Kubernetes, checked here as well,
// because whoever may write an ActionSet may write its podOverride, and the Pod is made with the daemon's
// permissions. An allow-list: what is not known to be harmless at its level is refused. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "value/value.h"

namespace fencepost::model {

// By what they let through, the most first.
enum class PodPolicy { kPrivileged, kBaseline, kRestricted };

[[nodiscard]] std::string_view to_string(PodPolicy policy) noexcept;  // "baseline"
// Throws kInvalid.
[[nodiscard]] PodPolicy pod_policy(std::string_view name);

struct PodViolation {
    std::string field;                              // "spec.containers[0].securityContext.privileged"
    std::string reason;                             // "it is true: the container would be root on the node"
    PodPolicy allowed_by = PodPolicy::kPrivileged;  // the strictest policy that lets it through
};

// In the order of the spec; empty where it may run.
[[nodiscard]] std::vector<PodViolation> violations_of(const Value& pod_spec, PodPolicy policy);

}  // namespace fencepost::model
