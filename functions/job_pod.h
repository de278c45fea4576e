// Job Pods: what KubeTask and MultiContainerRun share. A job Pod's name is derived from the run, so a daemon
// that comes back finds the Pod that its predecessor made and goes on reading it instead of starting the work
// again.
//
// run_job_pod() creates (or adopts) the Pod, waits for its start, follows the log of one container into the
// phase's output and waits for its end. The Pod is removed once the phase's outcome is durable, or at once
// where it failed. Errors: kFailedPrecondition where it cannot start (with the Pod's own reason), kInternal
// with the last lines of its output where it fails. Blocking; any thread.
//
// in_job_pod() is for work that is done by exec: the Pod waits, and goes when the work is over.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "functions/exec.h"
#include "model/validate.h"
#include "run/function.h"
#include "value/value.h"

namespace fencepost::functions {

// The arguments podOverride, podLabels and podAnnotations, which every function that makes Pods takes.
[[nodiscard]] std::vector<model::ArgSpec> with_pod_args(std::vector<model::ArgSpec> args);

// The spec of a Pod that runs one command, once, in its container "container".
[[nodiscard]] Value command_pod_spec(const std::string& image, const std::vector<std::string>& command);

struct JobPod {
    std::string name_prefix;  // "kanister-job-"
    std::string ns;           // "" is the controller's
    Value spec;               // before overrides
    std::string log_container = "container";
    Map annotations;
    bool may_fail = false;  // a container that fails is told in the phase's log, and is no error
};

// The Pod object: overrides merged by Kanister's precedence (the ActionSet's podOverride wins over the
// argument, the arguments' labels and annotations win over the ActionSet's), labels createdBy=kanister and
// kanister.io/JobID. Below all overrides: seccomp's RuntimeDefault, and run::JobPodDefaults' service account,
// or with is_secure no token. Over all: run::JobPodDefaults' images. Throws kForbidden, naming the field
// and the setting that would allow it, where the Pod as it would be made is more than those defaults let it
// be.
[[nodiscard]] Value build_job_pod(run::RunContext& run, const JobPod& job, const Value& args);

void run_job_pod(run::RunContext& run, const JobPod& job, const Value& args);

// Makes the Pod, whose command must last, calls `work` once it runs, and removes it whatever came of it. One
// that a daemon which died has left is removed first: nobody reads what was begun in it any more.
void in_job_pod(run::RunContext& run, const JobPod& job, const Value& args,
                const std::function<void(const ExecTarget&)>& work);

// What in_job_pod() asks of the cluster, but for the permission to read logs, and with exec's.
[[nodiscard]] std::vector<run::Need> exec_pod_needs(const run::World& world, const Value& args);

// What run_job_pod() asks of the cluster, and what the Pod mounts and reads by its override.
[[nodiscard]] std::vector<run::Need> job_pod_needs(const run::World& world, const Value& args);

}  // namespace fencepost::functions
