#include "base/encodings.h"
#include "functions/data_mover.h"
#include "functions/functions.h"
#include "functions/job_pod.h"
#include "functions/volumes.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

class CopyVolumeData final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const std::string ns = run::string_arg(args, "namespace");
        const std::string volume = run::string_arg(args, "volume");
        const std::string path = run::string_arg(args, "mountPath", "/mnt/vol_data/" + volume);
        const std::string prefix = run::string_arg(args, "dataArtifactPrefix");
        const location::ResolvedProfile profile = repository_profile(run, args, prefix);
        Value spec = waiting_pod_spec(run::string_arg(args, "image", kToolsImage));
        mount_volumes(run, spec, ns, {{volume, path}});
        const std::string tag = random_name_suffix(10);
        Value summary;
        in_job_pod(run, {.name_prefix = "copy-vol-data-", .ns = ns, .spec = std::move(spec)}, args,
                   [&](const ExecTarget& target) {
                       // The Pod has another name each time: the volume's lets the next copy of it read
                       // what has changed alone.
                       summary = back_up_in_pod(run, target, profile,
                                                {.path = path, .tag = tag, .host = ns + "/" + volume});
                   });
        Value outputs = backup_outputs(summary, tag);
        outputs["backupRoot"] = path;
        outputs["backupArtifactLocation"] = prefix;
        return {std::move(outputs)};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& world, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        std::vector<run::Need> needs = exec_pod_needs(world, args);
        needs.push_back(
            claim_need(run::string_arg(args, "volume"), run::string_arg(args, "namespace"), "/volume"));
        return needs;
    }

  private:
    model::FunctionSpec spec_{
        .name = "CopyVolumeData",
        .args = with_pod_args(with_repository_args(
            {{"namespace", model::ArgType::kString, true, "where the volume is and the Pod runs"},
             {"volume", model::ArgType::kString, true, "the PersistentVolumeClaim"},
             {"dataArtifactPrefix", model::ArgType::kString, true,
              "where the repository is in the profile's bucket or folder"},
             {"image", model::ArgType::kString, false, "the Pod's image, which has `sh`, and kando or restic",
              kToolsImage},
             {"mountPath", model::ArgType::kString, false,
              "where the Pod mounts the volume; /mnt/vol_data/<volume> where absent"}})),
        .outputs = {"backupID", "backupRoot", "backupArtifactLocation", "backupTag", "fileCount", "size",
                    "phySize", "version"},
        .description = "backs up a volume into a restic repository"};
};

}  // namespace

const run::Function& copy_volume_data() {
    static const CopyVolumeData function;
    return function;
}

}  // namespace fencepost::functions
