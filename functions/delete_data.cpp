#include <algorithm>
#include <map>

#include "base/error.h"
#include "functions/data_mover.h"
#include "functions/forget.h"
#include "functions/functions.h"
#include "functions/job_pod.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

// By the daemon itself, as BackupDataStats.
class DeleteData final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const std::vector<std::string> prefixes = run::words_arg(args, "backupArtifactPrefix");
        const std::vector<std::string> ids = run::words_arg(args, "backupID");
        const std::vector<std::string> tags = run::words_arg(args, "backupTag");
        if (ids.empty() == tags.empty())
            throw Error(ErrorKind::kInvalid, "exactly one of 'backupID' and 'backupTag' is needed");
        const std::vector<std::string>& names = ids.empty() ? tags : ids;
        if (prefixes.size() != names.size()) {
            throw Error(ErrorKind::kInvalid,
                        std::to_string(prefixes.size()) + " artifact prefixes do not go with " +
                            std::to_string(names.size()) + " backups",
                        "each backup is deleted from the prefix at its place");
        }
        std::map<std::string, std::vector<std::string>> by_prefix;
        for (std::size_t i = 0; i < names.size(); ++i) by_prefix[prefixes[i]].push_back(names[i]);
        std::uint64_t freed = 0;
        for (const auto& [prefix, its_names] : by_prefix) {
            const auto opened = open_repository(run, repository_profile(run, args, prefix), false);
            for (const std::string& name : its_names) {
                if (ids.empty()) {
                    forget_tagged(run, *opened.repository, name);
                } else {
                    forget(run, *opened.repository, name);
                }
            }
            freed += reclaim_space(run, args, *opened.repository);
        }
        return {Map{{"spaceFreed", bytes_text(freed)}}};
    }

  private:
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
             {"reclaimSpace", model::ArgType::kBool, false,
              "true: what no snapshot needs any more is removed from the repository too", "false"}})),
        .outputs = {"spaceFreed"},
        .description = "deletes backups of files from their restic repository"};
};

}  // namespace

const run::Function& delete_data() {
    static const DeleteData function;
    return function;
}

}  // namespace fencepost::functions
