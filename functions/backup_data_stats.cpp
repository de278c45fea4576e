#include "base/error.h"
#include "functions/data_mover.h"
#include "functions/functions.h"
#include "functions/job_pod.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

// Kanister runs restic in a Pod for this. No file of the cluster is needed: the daemon reads the repository.
class BackupDataStats final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        // The documentation calls the argument `mode`, the code `statsMode`.
        const std::string mode =
            run::string_arg(args, "statsMode", run::string_arg(args, "mode", "restore-size"));
        if (mode != "restore-size") {
            throw Error(ErrorKind::kUnsupported, "argument 'statsMode': '" + mode + "' is not supported",
                        "there is restore-size");
        }
        const auto opened = open_repository(
            run, repository_profile(run, args, run::string_arg(args, "backupArtifactPrefix")), false);
        const location::SnapshotSize size =
            opened.repository->size_of(run::string_arg(args, "backupID"), run.cancel());
        return {Map{{"mode", mode},
                    {"fileCount", std::to_string(size.files)},
                    {"size", bytes_text(size.bytes)},
                    {"version", "v0.0.0"}}};
    }

  private:
    model::FunctionSpec spec_{
        .name = "BackupDataStats",
        .args = with_pod_args(with_repository_args(
            {{"namespace", model::ArgType::kString, true, "Kanister's Pod would run there; here is none"},
             {"backupArtifactPrefix", model::ArgType::kString, true,
              "where the repository is in the profile's bucket or folder"},
             {"backupID", model::ArgType::kString, true, "the snapshot's id"},
             {"image", model::ArgType::kString, false, "of that Pod; not used"},
             {"statsMode", model::ArgType::kString, false, "what is counted", "restore-size"},
             {"mode", model::ArgType::kString, false, "another name of statsMode"}})),
        .outputs = {"mode", "fileCount", "size", "version"},
        .description = "tells how much a backup of files would restore"};
};

}  // namespace

const run::Function& backup_data_stats() {
    static const BackupDataStats function;
    return function;
}

}  // namespace fencepost::functions
