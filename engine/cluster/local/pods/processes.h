// Starting programs from the daemon: the one place that uses Boost.Process. Children get no descriptor of the
// daemon's but the three that they are given. Thread safety: all functions may be called from any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/files.h"
#include "cluster/cluster.h"
#include "supervisor/launch_spec.h"

namespace fencepost::cluster::local {

// Starts the supervisor for a run whose spec lies in the folder; it goes its own way. False: another
// supervisor is at that run already. Throws where it cannot be started.
[[nodiscard]] bool start_supervisor(const std::filesystem::path& program, const std::filesystem::path& folder,
                                    int run);

// Starts the guard whose files lie in the folder; it goes its own way. Throws where it cannot stand.
void start_guard(const std::filesystem::path& program, const std::filesystem::path& folder);

// Runs spec.command to its end, with stdin from options.stdin_source and the output to its callbacks, on this
// thread (a second one feeds stdin). The deadline (Error kTimeout), cancellation, and the end of the
// container (the pidfd of its supervisor) end the command and all that it started.
[[nodiscard]] ExecResult run_attached(const std::filesystem::path& program,
                                      const supervisor::LaunchSpec& spec, const ExecOptions& options,
                                      UniqueFd container, const CancelToken& cancel);

}  // namespace fencepost::cluster::local
