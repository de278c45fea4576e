#include "functions/functions.h"
#include "functions/job_pod.h"
#include "functions/volumes.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

constexpr const char* kRoot = "/mnt/prepare_data";

class PrepareData final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    // As KubeTask's, the Pod is found by its name.
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const std::string ns = run::string_arg(args, "namespace");
        const Volumes volumes = run::has_arg(args, "volumes") ? run::string_map_arg(args, "volumes")
                                                              : volumes_of_subject(run, kRoot);
        Value pod_spec = command_pod_spec(run::string_arg(args, "image"), run::strings_arg(args, "command"));
        if (const std::string account = run::string_arg(args, "serviceaccount"); !account.empty())
            pod_spec["serviceAccountName"] = account;
        mount_volumes(run, pod_spec, ns, volumes);
        run_job_pod(run,
                    {.name_prefix = "prepare-data-job-",
                     .ns = ns,
                     .spec = std::move(pod_spec),
                     .may_fail = !run::bool_arg(args, "failOnError", false)},
                    args);
        return {run.take_outputs()};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& world, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        std::vector<run::Need> needs = job_pod_needs(world, args);
        add_volume_needs(needs, run::string_map_arg(args, "volumes"), run::string_arg(args, "namespace"),
                         "/volumes");
        return needs;
    }

  private:
    model::FunctionSpec spec_{
        .name = "PrepareData",
        .args = with_pod_args(
            {{"namespace", model::ArgType::kString, true, "where the volumes are and the Pod runs"},
             {"image", model::ArgType::kString, true, "the container's image"},
             {"command", model::ArgType::kStringList, true, "the command and its arguments"},
             {"volumes", model::ArgType::kMap, false,
              "PersistentVolumeClaims and their mount paths; those of the subject's Pods, at "
              "/mnt/prepare_data/<claim>, where absent"},
             {"serviceaccount", model::ArgType::kString, false, "the Pod's service account"},
             {"failOnError", model::ArgType::kBool, false,
              "true: the phase fails where the command does; as it is, that is only told in its log",
              "false"}}),
        .outputs = {},
        .description = "runs a command in a Pod of its own that mounts volumes"};
};

}  // namespace

const run::Function& prepare_data() {
    static const PrepareData function;
    return function;
}

}  // namespace fencepost::functions
