// The three things that fencepost-supervisor does for the daemon. All return the process's exit status.
#pragma once

#include <string>

namespace fencepost::supervisor {

// Runs run number `run` of the container in `folder`, away from the daemon: returns in the caller once the
// supervisor process stands on its own and its pid is on disk. 0: it runs or has run; 3: another supervisor
// is at it.
int run_detached(const std::string& folder, const std::string& run);

// A dead man's switch for one fence, away from the daemon: returns in the caller once the guard stands. At
// the deadline it runs the undo in the container's mounts and environment, again with backoff until it works;
// by then it holds in memory all that it needs, so the daemon, its database and this folder may be gone for
// good. Where somebody else is at it just then (holds the lock kGuardAtWork), it lets him. SIGTERM dismisses
// it: it does not begin an undo any more, and ends when the one that may be running has ended. It ends by
// itself with the container: what was fenced has gone with its processes. It knows one container and no Pod
// by name, so it never undoes what another start of that Pod had fenced. On Kubernetes the same promise would
// be kept by a Job in the Pod's namespace that sleeps until the deadline and then execs, with a
// ServiceAccount that may do just that; dismissing it is deleting it. 0: it stands; 3: one stands here
// already.
int run_guard(const std::string& folder);

// Runs the command of the spec in the foreground with the caller's stdin, stdout and stderr; 127 and 126 with
// a text on stderr where it cannot be started. Ends everything below it when told to (SIGTERM) or when the
// daemon dies.
int run_attached(const std::string& spec_path);

}  // namespace fencepost::supervisor
