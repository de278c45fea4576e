#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "functions/data_mover.h"
#include "functions/functions.h"
#include "functions/job_pod.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

std::vector<std::string> words(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> result;
    for (std::string word; stream >> word;) result.push_back(word);
    return result;
}

// By the daemon itself, as BackupDataStats.
class DeleteData final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const std::vector<std::string> prefixes = words(run::string_arg(args, "backupArtifactPrefix"));
        const std::vector<std::string> ids = words(run::string_arg(args, "backupID"));
        const std::vector<std::string> tags = words(run::string_arg(args, "backupTag"));
        if (ids.empty() == tags.empty())
            throw Error(ErrorKind::kInvalid, "exactly one of 'backupID' and 'backupTag' is needed");
        const std::vector<std::string>& names = ids.empty() ? tags : ids;
        if (prefixes.size() != names.size()) {
            throw Error(ErrorKind::kInvalid,
                        std::to_string(prefixes.size()) + " artifact prefixes do not go with " +
                            std::to_string(names.size()) + " backups",
                        "each backup is deleted from the prefix at its place");
        }
        if (run::bool_arg(args, "reclaimSpace", false)) {
            throw Error(ErrorKind::kUnsupported, "argument 'reclaimSpace' is not supported",
                        "leave it away, and run `restic prune` on the repository in a KubeTask");
        }
        for (std::size_t i = 0; i < names.size(); ++i) {
            const auto opened = open_repository(run, repository_profile(run, args, prefixes[i]), false);
            if (ids.empty()) {
                forget_tagged(run, *opened.repository, names[i]);
            } else {
                forget(run, *opened.repository, names[i]);
            }
        }
        return {Map{{"spaceFreed", bytes_text(0)}}};
    }

  private:
    // One that is gone already is what was wanted: an attempt before this one may have been interrupted.
    static void forget(run::RunContext& run, location::Repository& repository, const std::string& id) {
        try {
            repository.forget(id, run.cancel());
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kNotFound) throw;
            run.feed_error_output(std::string(error.what()) + "\n");
        }
    }
    static void forget_tagged(run::RunContext& run, location::Repository& repository,
                              const std::string& tag) {
        for (const location::SnapshotRecord& record : repository.snapshots(run.cancel())) {
            if (std::find(record.tags.begin(), record.tags.end(), tag) != record.tags.end())
                forget(run, repository, record.id);
        }
    }

    model::FunctionSpec spec_{
        .name = "DeleteData",
        .args = with_pod_args(with_repository_args(
            {{"namespace", model::ArgType::kString, true, "Kanister's Pod would run there; here is none"},
             {"backupArtifactPrefix", model::ArgType::kString, true,
              "where the repository is; several, separated by spaces, go with the ids one by one"},
             {"backupID", model::ArgType::kString, false, "the snapshots' ids; or `backupTag`"},
             {"backupTag", model::ArgType::kString, false, "the snapshots' tags"},
             {"image", model::ArgType::kString, false, "of that Pod; not used"},
             {"reclaimSpace", model::ArgType::kBool, false, "not supported yet: `restic prune` does it",
              "false"}})),
        .outputs = {"spaceFreed"},
        .description = "deletes backups of files from their restic repository"};
};

}  // namespace

const run::Function& delete_data() {
    static const DeleteData function;
    return function;
}

}  // namespace fencepost::functions
