#include "base/error.h"
#include "functions/data_mover.h"
#include "functions/functions.h"
#include "functions/job_pod.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

// By the daemon itself, as BackupDataStats.
class CheckRepository final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const location::ResolvedProfile profile =
            repository_profile(run, args, run::string_arg(args, "backupArtifactPrefix"));
        bool is_wrong_password = false;
        bool is_absent = false;
        try {
            (void)open_repository(run, profile, false).repository->snapshots(run.cancel());
        } catch (const Error& error) {
            is_wrong_password = error.kind() == ErrorKind::kForbidden;
            is_absent = error.kind() == ErrorKind::kNotFound;
            if (!is_wrong_password && !is_absent) throw;
            run.feed_error_output(std::string(error.what()) + "\n");
        }
        return {Map{{"passwordIncorrect", is_wrong_password ? "true" : "false"},
                    {"repoUnavailable", is_absent ? "true" : "false"},
                    {"version", "v0.0.0"}}};
    }

  private:
    model::FunctionSpec spec_{
        .name = "CheckRepository",
        .args = with_pod_args(with_repository_args(
            {{"backupArtifactPrefix", model::ArgType::kString, true,
              "where the repository is in the profile's bucket or folder"},
             {"image", model::ArgType::kString, false, "of the Pod that Kanister makes; not used"}})),
        .outputs = {"passwordIncorrect", "repoUnavailable", "version"},
        .description = "tells whether a restic repository is there and opens with its password"};
};

}  // namespace

const run::Function& check_repository() {
    static const CheckRepository function;
    return function;
}

}  // namespace fencepost::functions
