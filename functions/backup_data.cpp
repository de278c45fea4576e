#include "base/encodings.h"
#include "functions/data_mover.h"
#include "functions/functions.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

class BackupData final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    // The snapshot of an attempt that nobody read the end of is one more, which shares its data.
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const std::string tag = random_name_suffix(10);
        const Value summary =
            back_up_in_pod(run,
                           {run::string_arg(args, "namespace"), run::string_arg(args, "pod"),
                            run::string_arg(args, "container"), ""},
                           repository_profile(run, args, run::string_arg(args, "backupArtifactPrefix")),
                           {.path = run::string_arg(args, "includePath"), .tag = tag, .host = ""});
        return {backup_outputs(summary, tag)};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& /*world*/, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        return exec_needs(run::string_arg(args, "namespace"), run::string_arg(args, "pod"),
                          run::string_arg(args, "container"), "/pod");
    }

  private:
    model::FunctionSpec spec_{
        .name = "BackupData",
        .args = with_repository_args(
            {{"namespace", model::ArgType::kString, true, "the Pod's namespace"},
             {"pod", model::ArgType::kString, true, "the Pod whose files are backed up"},
             {"container", model::ArgType::kString, true,
              "its container, which has `sh`, and kando or restic"},
             {"includePath", model::ArgType::kString, true, "the folder or file, an absolute path"},
             {"backupArtifactPrefix", model::ArgType::kString, true,
              "where the repository is in the profile's bucket or folder"}}),
        .outputs = {"backupID", "backupTag", "fileCount", "size", "phySize", "version"},
        .description = "backs up a folder of a running container into a restic repository"};
};

}  // namespace

const run::Function& backup_data() {
    static const BackupData function;
    return function;
}

}  // namespace fencepost::functions
