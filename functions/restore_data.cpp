#include "base/error.h"
#include "functions/data_mover.h"
#include "functions/functions.h"
#include "functions/job_pod.h"
#include "functions/volumes.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

void exactly_one(const Value& args, const std::string& one, const std::string& other) {
    if (run::string_arg(args, one).empty() == run::string_arg(args, other).empty())
        throw Error(ErrorKind::kInvalid, "exactly one of '" + one + "' and '" + other + "' is needed");
}

class RestoreData final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    // What an interrupted attempt wrote is written again, each file whole.
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        exactly_one(args, "backupTag", "backupIdentifier");
        const std::string ns = run::string_arg(args, "namespace");
        const std::string pod = run::string_arg(args, "pod");
        if (pod.empty() == !run::has_arg(args, "volumes"))
            throw Error(ErrorKind::kInvalid, "exactly one of 'pod' and 'volumes' is needed");
        const location::ResolvedProfile profile =
            repository_profile(run, args, run::string_arg(args, "backupArtifactPrefix"));
        (void)open_repository(run, profile, false);  // what is wrong with it is told before a Pod is made
        Value spec = waiting_pod_spec(run::string_arg(args, "image"));
        mount_volumes(run, spec, ns,
                      pod.empty() ? run::string_map_arg(args, "volumes") : volumes_of_pod(run, pod));
        in_job_pod(run, {.name_prefix = "restore-data-", .ns = ns, .spec = std::move(spec)}, args,
                   [&](const ExecTarget& target) {
                       (void)restore_in_pod(run, target, profile,
                                            {.snapshot = run::string_arg(args, "backupIdentifier"),
                                             .tag = run::string_arg(args, "backupTag"),
                                             .path = run::string_arg(args, "backupPath"),
                                             .target = run::string_arg(args, "restorePath", "/")});
                   });
        return {run.take_outputs()};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& world, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        std::vector<run::Need> needs = exec_pod_needs(world, args);
        add_volume_needs(needs, run::string_map_arg(args, "volumes"), run::string_arg(args, "namespace"),
                         "/volumes");
        return needs;
    }

  private:
    model::FunctionSpec spec_{
        .name = "RestoreData",
        .args = with_pod_args(with_repository_args(
            {{"namespace", model::ArgType::kString, true, "where the volumes are and the Pod runs"},
             {"image", model::ArgType::kString, true, "the Pod's image, which has `sh`, and kando or restic"},
             {"backupArtifactPrefix", model::ArgType::kString, true,
              "where the repository is in the profile's bucket or folder"},
             {"restorePath", model::ArgType::kString, false, "the folder that the paths lie below", "/"},
             {"pod", model::ArgType::kString, false,
              "one of the subject's Pods, whose volumes are mounted where it mounts them; or `volumes`"},
             {"volumes", model::ArgType::kMap, false, "PersistentVolumeClaims and their mount paths"},
             {"backupTag", model::ArgType::kString, false,
              "the snapshot's tag, as BackupData gave it; or `backupIdentifier`"},
             {"backupIdentifier", model::ArgType::kString, false, "the snapshot's id"},
             {"backupPath", model::ArgType::kString, false,
              "what of the snapshot is wanted; it then lies in restorePath itself"}})),
        .outputs = {},
        .description = "writes a backup of files back to volumes"};
};

}  // namespace

const run::Function& restore_data() {
    static const RestoreData function;
    return function;
}

}  // namespace fencepost::functions
