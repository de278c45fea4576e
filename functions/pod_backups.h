// The backups of several Pods: what BackupDataAll tells of them, and RestoreDataAll and DeleteDataAll are
// told. As text it is Kanister's, so that each reads the other's:
//
//     {"pg-0": {"PodName": "pg-0", "BackupID": "3f5c...", "BackupTag": "x7kqm2vd4c"}, "pg-1": ...}
//
// Each Pod has a repository of its own, at <backupArtifactPrefix>/<Pod>. Functions are thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "run/function.h"

namespace fencepost::functions {

// So many Pods are worked upon at a time; a repository's key costs some 60 MB while it is made.
inline constexpr std::size_t kPodsAtOnce = 8;

struct PodBackup {
    std::string id, tag;
};
using PodBackups = std::map<std::string, PodBackup>;  // by the Pod's name

[[nodiscard]] std::string to_backup_info(const PodBackups& backups);
// Reads the argument backupInfo. Throws kInvalid where it is no such text or names no backup.
[[nodiscard]] PodBackups backup_info_arg(const Value& args);

// The Pods that the argument `pods` names, each once, else all of the subject's. Throws kInvalid where the
// subject has no Pods by its kind, kNotFound where it has none now.
[[nodiscard]] std::vector<std::string> pods_arg(const run::RunContext& run, const Value& args);

[[nodiscard]] std::string repository_of_pod(const Value& args, const std::string& pod);

}  // namespace fencepost::functions
