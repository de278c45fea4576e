// Job Pods: what KubeTask and MultiContainerRun share. A job Pod's name is derived from the run, so a daemon
// that comes back finds the Pod that its predecessor made and goes on reading it instead of starting the work
// again.
//
// run_job_pod() creates (or adopts) the Pod, waits for its start, follows the log of one container into the
// phase's output and waits for its end. The Pod is removed once the phase's outcome is durable, or at once
// where it failed. Errors: kFailedPrecondition where it cannot start (with the Pod's own reason), kInternal
// with the last lines of its output where it fails. Blocking; any thread.
#pragma once

#include <string>
#include <vector>

#include "model/validate.h"
#include "run/function.h"
#include "value/value.h"

namespace fencepost::functions {

// The arguments podOverride, podLabels and podAnnotations, which every function that makes Pods takes.
[[nodiscard]] std::vector<model::ArgSpec> with_pod_args(std::vector<model::ArgSpec> args);

struct JobPod {
    std::string name_prefix;  // "kanister-job-"
    std::string ns;           // "" is the controller's
    Value spec;               // before overrides
    std::string log_container = "container";
    Map annotations;
};

// The Pod object: overrides merged by Kanister's precedence (the ActionSet's podOverride wins over the
// argument, the arguments' labels and annotations win over the ActionSet's), labels createdBy=kanister and
// kanister.io/JobID. Below all overrides: seccomp's RuntimeDefault, and run::JobPodDefaults' service account,
// or with is_secure no token.
[[nodiscard]] Value build_job_pod(run::RunContext& run, const JobPod& job, const Value& args);

void run_job_pod(run::RunContext& run, const JobPod& job, const Value& args);

// What run_job_pod() asks of the cluster, and what the Pod mounts and reads by its override.
[[nodiscard]] std::vector<run::Need> job_pod_needs(const run::World& world, const Value& args);

}  // namespace fencepost::functions
