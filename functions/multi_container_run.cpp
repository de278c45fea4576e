#include "base/encodings.h"
#include "base/error.h"
#include "functions/functions.h"
#include "functions/job_pod.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

Value container(std::string_view name, const Value& args, std::string_view image_arg,
                std::string_view command_arg, const std::string& shared_dir) {
    Value value;
    value["name"] = name;
    value["image"] = run::string_arg(args, image_arg);
    value["imagePullPolicy"] = "IfNotPresent";
    for (const std::string& word : run::strings_arg(args, command_arg)) value["command"].push_back(word);
    Value mount;
    mount["name"] = "shared";
    mount["mountPath"] = shared_dir;
    value["volumeMounts"].push_back(std::move(mount));
    return value;
}

class MultiContainerRun final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const std::string shared_dir = run::string_arg(args, "sharedVolumeDir", "/tmp/");
        Value pod_spec;
        pod_spec["restartPolicy"] = "Never";
        pod_spec["containers"].push_back(
            container("output", args, "outputImage", "outputCommand", shared_dir));
        pod_spec["containers"].push_back(
            container("background", args, "backgroundImage", "backgroundCommand", shared_dir));
        if (!run::string_arg(args, "initImage").empty()) {
            pod_spec["initContainers"].push_back(
                container("init", args, "initImage", "initCommand", shared_dir));
        }
        Value volume;
        volume["name"] = "shared";
        volume["emptyDir"] = Value(Map{});
        if (const std::string medium = run::string_arg(args, "sharedVolumeMedium"); !medium.empty())
            volume["emptyDir"]["medium"] = medium;
        if (const std::string limit = run::string_arg(args, "sharedVolumeSizeLimit"); !limit.empty()) {
            (void)parse_quantity(limit);
            volume["emptyDir"]["sizeLimit"] = limit;
        }
        pod_spec["volumes"].push_back(std::move(volume));
        run_job_pod(run,
                    {.name_prefix = "kanister-job-",
                     .ns = run::string_arg(args, "namespace"),
                     .spec = std::move(pod_spec),
                     .log_container = "output",
                     .annotations = Map{{"kubectl.kubernetes.io/default-container", "output"}}},
                    args);
        return {run.take_outputs()};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& world, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        return job_pod_needs(world, args);
    }

  private:
    model::FunctionSpec spec_{
        .name = "MultiContainerRun",
        .args = with_pod_args(
            {{"backgroundImage", model::ArgType::kString, true, "image of the container 'background'"},
             {"backgroundCommand", model::ArgType::kStringList, true, "its command"},
             {"outputImage", model::ArgType::kString, true,
              "image of the container 'output', whose log is read"},
             {"outputCommand", model::ArgType::kStringList, true, "its command"},
             {"initImage", model::ArgType::kString, false, "image of an init container"},
             {"initCommand", model::ArgType::kStringList, false, "its command"},
             {"namespace", model::ArgType::kString, false, "where the Pod runs; the controller's if empty"},
             {"sharedVolumeMedium", model::ArgType::kString, false, "\"\" or Memory"},
             {"sharedVolumeSizeLimit", model::ArgType::kString, false, "a quantity"},
             {"sharedVolumeDir", model::ArgType::kString, false, "where the volume is mounted", "/tmp/"}}),
        .outputs = {},
        .description = "runs two containers that share a volume in a Pod of their own"};
};

}  // namespace

const run::Function& multi_container_run() {
    static const MultiContainerRun function;
    return function;
}

}  // namespace fencepost::functions
