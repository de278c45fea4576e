#include <atomic>

#include "functions/at_once.h"
#include "functions/data_mover.h"
#include "functions/forget.h"
#include "functions/functions.h"
#include "functions/job_pod.h"
#include "functions/pod_backups.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

class DeleteDataAll final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const PodBackups backups = backup_info_arg(args);
        (void)repository_profile(run, args, run::string_arg(args, "backupArtifactPrefix"));
        std::atomic<std::uint64_t> freed{0};
        throw_failures(all_at_once(backups.size(), kPodsAtOnce, [&](std::size_t i) {
            const auto& [pod, backup] = *std::next(backups.begin(), static_cast<std::ptrdiff_t>(i));
            try {
                const auto opened =
                    open_repository(run, repository_profile(run, args, repository_of_pod(args, pod)), false);
                forget(run, *opened.repository, backup.id);
                freed += reclaim_space(run, args, *opened.repository);
            } catch (Error& error) {
                error.add_trace("Failed to delete the backup of pod '" + pod + "'");
                throw;
            }
        }));
        return {Map{{"spaceFreed", bytes_text(freed)}}};
    }

  private:
    model::FunctionSpec spec_{
        .name = "DeleteDataAll",
        .args = with_pod_args(with_repository_args(
            {{"namespace", model::ArgType::kString, true, "Kanister's Pod would run there; here is none"},
             {"backupArtifactPrefix", model::ArgType::kString, true,
              "below it each Pod has a repository of its name, in the profile's bucket or folder"},
             {"backupInfo", model::ArgType::kString, true, "the output BackupAllInfo of BackupDataAll"},
             {"image", model::ArgType::kString, false, "of that Pod; not used"},
             {"reclaimSpace", model::ArgType::kBool, false,
              "true: what no snapshot needs any more is removed from the repositories too", "false"}})),
        .outputs = {"spaceFreed"},
        .description = "deletes what BackupDataAll stored from the Pods' restic repositories"};
};

}  // namespace

const run::Function& delete_data_all() {
    static const DeleteDataAll function;
    return function;
}

}  // namespace fencepost::functions
