// Readiness probes: whether a container answers, by a command, a TCP connection or an HTTP GET.
// Thread safety: pure functions of their arguments; run_probe blocks for the probe's timeout at most.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "value/value.h"

namespace fencepost::cluster::local {

struct ProbeTiming {
    std::chrono::seconds initial_delay{0};
    std::chrono::seconds period{10};
    std::chrono::seconds timeout{1};
    int success_threshold = 1;
    int failure_threshold = 3;
};
[[nodiscard]] ProbeTiming probe_timing(const Value& probe);

// `run` executes a command in the container and gives its exit code. False too where the probe is of a kind
// that does not exist here (grpc).
[[nodiscard]] bool run_probe(const Value& probe, const Value& container,
                             const std::function<int(const std::vector<std::string>&)>& run);

}  // namespace fencepost::cluster::local
