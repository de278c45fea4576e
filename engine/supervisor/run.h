// The two things that fencepost-supervisor does for the daemon. Both return the process's exit status.
#pragma once

#include <string>

namespace fencepost::supervisor {

// Runs run number `run` of the container in `folder`, away from the daemon: returns in the caller once the
// supervisor process stands on its own and its pid is on disk. 0: it runs or has run; 3: another supervisor
// is at it.
int run_detached(const std::string& folder, const std::string& run);

// Runs the command of the spec in the foreground with the caller's stdin, stdout and stderr; 127 and 126 with
// a text on stderr where it cannot be started. Ends everything below it when told to (SIGTERM) or when the
// daemon dies.
int run_attached(const std::string& spec_path);

}  // namespace fencepost::supervisor
