// Following an action to its end: progress while it goes, and what came of it. For run, retry and watch.
#pragma once

#include "cli/output.h"
#include "cli/server.h"

namespace fencepost::cli {

enum class OnInterrupt { kCancelAction, kLeave };
// What is said of an action that did not complete: how to read its log, or what its failed phases wrote.
enum class OnFailure { kNameLog, kShowLog };

// `action` as the REST API showed it last. Returns the exit code of its end. With kCancelAction the first
// Ctrl-C cancels the action, the second one ends the process. REQUIRES then: block_interrupts() was called.
[[nodiscard]] int follow_action(Server& server, Value action, const Output& output, OnInterrupt on_interrupt,
                                OnFailure on_failure = OnFailure::kNameLog);

// "backup-x7k2pq runs backup of the blueprint postgres-dump (why)", and the action as -o asks with `detach`.
[[nodiscard]] int follow_new_action(Server& server, const Value& action, const Output& output, bool detach,
                                    OnFailure on_failure = OnFailure::kNameLog);

[[nodiscard]] int exit_code(const Value& action);                          // REQUIRES: it has ended
[[nodiscard]] std::string action_path(std::string_view id);                // "/v1/actions/ID"
[[nodiscard]] std::vector<std::string> action_names(const Value& action);  // for -o name

}  // namespace fencepost::cli
