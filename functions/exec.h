// Running a command in a Pod, as KubeExec, KubeExecAll and the fences do it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "run/function.h"

namespace fencepost::functions {

struct ExecTarget {
    std::string ns, pod, container;
    std::string pod_uid;  // "" accepts whichever Pod has the name
};

// Kubernetes never tells the end of a command that leaves more than a pipe's size of its input unread.
inline constexpr std::size_t kMaxInput = std::size_t{60} << 10U;

// "" if the command ended with 0, else what went wrong with the last lines of its output. Throws Error where
// it could not be run at all. Blocking; any thread; `on_stdout` is called on the calling thread. The
// command's standard input is `input`, then closed; there is none where that is empty. It has at most
// kMaxInput bytes, else Error{kTooLarge}.
[[nodiscard]] std::string exec_in_pod(run::RunContext& run, const ExecTarget& target,
                                      const std::vector<std::string>& command,
                                      const std::function<void(std::string_view)>& on_stdout,
                                      const std::string& input = "");

// What exec_in_pod() asks of the cluster; `argument` is where the Pod is named.
[[nodiscard]] std::vector<run::Need> exec_needs(const std::string& ns, const std::string& pod,
                                                const std::string& container, std::string argument);

}  // namespace fencepost::functions
