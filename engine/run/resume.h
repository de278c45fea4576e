// Resuming: an ActionSet that carries the annotation fencepost.io/resumes takes over what the named one,
// which has failed, had finished: its frozen blueprint, and the outputs of its complete phases, which do not
// run again. That is right only while what those phases did still stands: where something was unfenced behind
// them, or a deferPhase has cleaned up after them, the action must start over. Reads; thread-safe.
#pragma once

#include <string>

#include "cluster/cluster.h"
#include "run/record.h"

namespace fencepost::run {

inline constexpr const char* kResumes = "fencepost.io/resumes";

// Why an ended ActionSet cannot be resumed, for people; "" where it can.
[[nodiscard]] std::string why_not_resumable(cluster::Cluster& cluster, const Value& action_set);
// What the new run starts from. REQUIRES: it can be resumed.
[[nodiscard]] Status resumed_status(const Value& action_set, const std::string& now);

}  // namespace fencepost::run
