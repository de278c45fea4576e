#include <algorithm>

#include "base/error.h"
#include "functions/at_once.h"
#include "functions/data_mover.h"
#include "functions/functions.h"
#include "functions/job_pod.h"
#include "functions/pod_backups.h"
#include "functions/volumes.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

// One Pod's part.
struct Part {
    std::string pod, snapshot;
    location::ResolvedProfile profile;
    Value pod_spec;  // of the Pod that does it
};

class RestoreDataAll final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    // As RestoreData.
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const std::vector<Part> parts = planned(run, args);
        // A set of which one volume is restored and the next one cannot be is worse than none.
        throw_failures(all_at_once(parts.size(), kPodsAtOnce, [&](std::size_t i) {
            named(parts[i], [&] { check_snapshot(run, parts[i]); });
        }));
        SharedProgress progress([&](std::uint64_t bytes) { run.report_progress(0, 0, bytes); });
        throw_failures(all_at_once(parts.size(), kPodsAtOnce, [&](std::size_t i) {
            named(parts[i], [&] { restore(run, args, parts[i], i, progress); });
        }));
        return {run.take_outputs()};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& world, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        return exec_pod_needs(world, args);
    }

  private:
    template <typename Work>
    static void named(const Part& part, Work work) {
        try {
            work();
        } catch (Error& error) {
            error.add_trace("Failed to restore data for pod '" + part.pod + "'");
            throw;
        }
    }

    static std::vector<Part> planned(run::RunContext& run, const Value& args) {
        const PodBackups backups = backup_info_arg(args);
        const std::vector<std::string> pods = pods_arg(run, args);
        std::vector<Part> parts;
        for (const std::string& pod : pods) {
            const auto backup = backups.find(pod);
            if (backup == backups.end()) {
                throw Error(ErrorKind::kInvalid,
                            "argument 'backupInfo': it has no backup of pod '" + pod + "'",
                            "name those that are to be restored in the argument 'pods'");
            }
            Part part{.pod = pod,
                      .snapshot = backup->second.id,
                      .profile = repository_profile(run, args, repository_of_pod(args, pod)),
                      .pod_spec = waiting_pod_spec(run::string_arg(args, "image"))};
            mount_volumes(run, part.pod_spec, run::string_arg(args, "namespace"), volumes_of_pod(run, pod));
            parts.push_back(std::move(part));
        }
        for (const auto& [pod, backup] : backups) {
            if (std::find(pods.begin(), pods.end(), pod) == pods.end())
                run.feed_output("the backup of pod '" + pod + "' is not restored: it is none of the Pods\n");
        }
        return parts;
    }

    static void check_snapshot(run::RunContext& run, const Part& part) {
        const auto opened = open_repository(run, part.profile, false);
        for (const location::SnapshotRecord& record : opened.repository->snapshots(run.cancel())) {
            if (record.id.starts_with(part.snapshot)) return;
        }
        throw Error(ErrorKind::kNotFound, "there is no snapshot '" + part.snapshot +
                                              "' in the repository in " + opened.location->description());
    }

    static void restore(run::RunContext& run, const Value& args, const Part& part, std::size_t number,
                        SharedProgress& progress) {
        in_job_pod(run,
                   {.name_prefix = "restore-data-all-" + std::to_string(number) + "-",
                    .ns = run::string_arg(args, "namespace"),
                    .spec = part.pod_spec},
                   args, [&](const ExecTarget& target) {
                       (void)restore_in_pod(run, target, part.profile,
                                            {.snapshot = part.snapshot,
                                             .tag = "",
                                             .path = "",
                                             .target = run::string_arg(args, "restorePath", "/"),
                                             .on_progress = progress.part()});
                   });
        run.feed_output("pod '" + part.pod + "' has its files of " + part.snapshot + " again\n");
    }

    model::FunctionSpec spec_{
        .name = "RestoreDataAll",
        .args = with_pod_args(with_repository_args(
            {{"namespace", model::ArgType::kString, true, "where the volumes are and the Pods run"},
             {"image", model::ArgType::kString, true, "the Pods' image, which has `sh`, and kando or restic"},
             {"backupArtifactPrefix", model::ArgType::kString, true,
              "below it each Pod has a repository of its name, in the profile's bucket or folder"},
             {"backupInfo", model::ArgType::kString, true, "the output BackupAllInfo of BackupDataAll"},
             {"restorePath", model::ArgType::kString, false, "the folder that the paths lie below", "/"},
             {"pods", model::ArgType::kString, false,
              "those of the subject's Pods whose volumes are restored, separated by spaces; all where "
              "absent"}})),
        .outputs = {},
        .description = "writes backups of several Pods' files back to their volumes, all at once"};
};

}  // namespace

const run::Function& restore_data_all() {
    static const RestoreDataAll function;
    return function;
}

}  // namespace fencepost::functions
