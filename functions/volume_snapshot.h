// VolumeSnapshots of CSI volumes: what the functions about them share.
//
// The snapshotter tries again whatever its driver refuses, so an error in a snapshot's status is no end: it
// is told in the phase's log, and the wait goes on until the phase's or action's timeout, or for
// kErrorPatience where there is none. What can never become ready (deleted by somebody else) fails at once.
// Blocking; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "run/function.h"
#include "value/value.h"

namespace fencepost::functions {

// The snapshotter's pauses between two attempts grow to about as much.
inline constexpr std::chrono::minutes kErrorPatience{5};

// How long an error has stood, look by look. Pure.
class ErrorPatience {
  public:
    // True once there has been an error for kErrorPatience without a break.
    [[nodiscard]] bool is_over(bool has_error, SteadyTime now);

  private:
    std::optional<SteadyTime> failing_since_;
};

// Errors: kFailedPrecondition on a cluster that knows no VolumeSnapshots.
void require_snapshots(cluster::Cluster& cluster);
// Errors: kInvalid where there is no such class.
[[nodiscard]] Value snapshot_class(cluster::Cluster& cluster, const std::string& name);

// Says whose an object is: a later daemon finds by it what its predecessor made in the same attempt.
void mark_as_made_by(const run::RunContext& run, Value& object);
[[nodiscard]] bool is_made_by(const run::RunContext& run, const Value& object);

// The snapshot, once it is ready to use. Errors: kNotFound where somebody deletes it meanwhile; kTimeout and
// kFailedPrecondition with what its driver says.
[[nodiscard]] Value wait_until_ready(run::RunContext& run, const Value& snapshot);

// name, namespace, restoreSize and snapshotContent of a snapshot that is ready. A driver may tell no size:
// then it is `fallback_size`.
[[nodiscard]] Map snapshot_outputs(const Value& snapshot, const std::string& fallback_size);
[[nodiscard]] bool tells_size(const Value& snapshot);

}  // namespace fencepost::functions
