#include "functions/functions.h"
#include "functions/job_pod.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

class KubeTask final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    // The Pod is found by its name, so running "again" goes on with the same Pod.
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        Value pod_spec = command_pod_spec(run::string_arg(args, "image"), run::strings_arg(args, "command"));
        run_job_pod(run,
                    {.name_prefix = "kanister-job-",
                     .ns = run::string_arg(args, "namespace"),
                     .spec = std::move(pod_spec)},
                    args);
        return {run.take_outputs()};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& world, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        return job_pod_needs(world, args);
    }

  private:
    model::FunctionSpec spec_{
        .name = "KubeTask",
        .args = with_pod_args(
            {{"image", model::ArgType::kString, true, "the container's image"},
             {"command", model::ArgType::kStringList, true, "the command and its arguments"},
             {"namespace", model::ArgType::kString, false, "where the Pod runs; the controller's if empty"}}),
        .outputs = {},
        .description = "runs a command in a Pod of its own"};
};

}  // namespace

const run::Function& kube_task() {
    static const KubeTask function;
    return function;
}

}  // namespace fencepost::functions
