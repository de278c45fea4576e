#include "base/encodings.h"
#include "functions/at_once.h"
#include "functions/data_mover.h"
#include "functions/functions.h"
#include "functions/pod_backups.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

class BackupDataAll final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    // As BackupData.
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const std::vector<std::string> pods = pods_arg(run, args);
        (void)repository_profile(run, args, run::string_arg(args, "backupArtifactPrefix"));
        SharedProgress progress([&](std::uint64_t bytes) { run.report_progress(0, bytes, 0); });
        Guarded<PodBackups> backups;
        const Failures failures = all_at_once(pods.size(), kPodsAtOnce, [&](std::size_t i) {
            try {
                PodBackup backup = back_up(run, args, pods[i], progress);
                run.feed_output("pod '" + pods[i] + "' is backed up as " + backup.id + ", tag " + backup.tag +
                                "\n");
                (*backups.lock())[pods[i]] = std::move(backup);
            } catch (Error& error) {
                error.add_trace("Failed to backup data for pod '" + pods[i] + "'");
                throw;
            }
        });
        const std::string info = to_backup_info(*backups.lock());
        throw_failures(failures, "what was backed up before it failed: " + info);
        return {Map{{"BackupAllInfo", info}, {"version", "v0.0.0"}}};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& /*world*/, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        std::vector<run::Need> all;
        for (const std::string& pod : run::words_arg(args, "pods")) {
            for (run::Need& need : exec_needs(run::string_arg(args, "namespace"), pod,
                                              run::string_arg(args, "container"), "/pods"))
                all.push_back(std::move(need));
        }
        return all;
    }

  private:
    static PodBackup back_up(run::RunContext& run, const Value& args, const std::string& pod,
                             SharedProgress& progress) {
        const std::string tag = random_name_suffix(10);
        const Value summary = back_up_in_pod(
            run, {run::string_arg(args, "namespace"), pod, run::string_arg(args, "container"), ""},
            repository_profile(run, args, repository_of_pod(args, pod)),
            {.path = run::string_arg(args, "includePath"),
             .tag = tag,
             .host = "",
             .on_progress = progress.part()});
        return {.id = summary["snapshot_id"].as_string(), .tag = tag};
    }

    model::FunctionSpec spec_{
        .name = "BackupDataAll",
        .args = with_repository_args(
            {{"namespace", model::ArgType::kString, true, "the Pods' namespace"},
             {"container", model::ArgType::kString, true,
              "their container, which has `sh`, and kando or restic"},
             {"includePath", model::ArgType::kString, true, "the folder or file, an absolute path"},
             {"backupArtifactPrefix", model::ArgType::kString, true,
              "below it each Pod has a repository of its name, in the profile's bucket or folder"},
             {"pods", model::ArgType::kString, false,
              "names, separated by spaces; all Pods of the subject where absent"}}),
        .outputs = {"BackupAllInfo", "version"},
        .description = "backs up a folder of several Pods at once, each into a restic repository of its own"};
};

}  // namespace

const run::Function& backup_data_all() {
    static const BackupDataAll function;
    return function;
}

}  // namespace fencepost::functions
