// What BackupData and its family share: where their restic repositories are, and how files get there.
//
// A repository lies at backupArtifactPrefix in the profile's bucket (Kanister's rule: the profile's own
// prefix is not put in front, the bucket's name may be). Its password is encryptionKey, else the profile's
// repository key.
//
// Files are read and written where they are: move_files() runs a mover in a container by exec, kando where it
// has ours, else restic. Paths are words of the command line, secrets come by its standard input, one a line,
// and are in no command line, Secret or Pod. What needs no files (forget, sizes, checks) the daemon does
// itself with open_repository().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "functions/exec.h"
#include "location/repository.h"
#include "run/function.h"

namespace fencepost::functions {

using run::kToolsImage;

// The arguments encryptionKey and insecureTLS, which all take.
[[nodiscard]] std::vector<model::ArgSpec> with_repository_args(std::vector<model::ArgSpec> args);

// The profile whose repository is at the prefix. Throws kInvalid without a profile, prefix or key.
[[nodiscard]] location::ResolvedProfile repository_profile(const run::RunContext& run, const Value& args,
                                                           const std::string& prefix);

struct OpenRepository {
    std::unique_ptr<location::Location> location;
    std::unique_ptr<location::Repository> repository;
};
// Makes one if `create` and there is none at all; what cannot be reached or opened is an error.
[[nodiscard]] OpenRepository open_repository(run::RunContext& run, const location::ResolvedProfile& profile,
                                             bool create);

// Hears how many bytes have been moved so far; where there is none, the phase's progress tells it.
using OnProgress = std::function<void(std::uint64_t bytes)>;

struct BackupRequest {
    std::string path, tag;
    std::string host;  // "" is the container's
    OnProgress on_progress{};
};
struct RestoreRequest {
    std::string snapshot, tag;  // one of them
    std::string path;           // what of it, "" is everything
    std::string target;
    OnProgress on_progress{};
};
// Both return the summary that restic's --json has: snapshot_id, total_files_processed,
// total_bytes_processed, data_added.
Value back_up_in_pod(run::RunContext& run, const ExecTarget& target, const location::ResolvedProfile& profile,
                     const BackupRequest& request);
Value restore_in_pod(run::RunContext& run, const ExecTarget& target, const location::ResolvedProfile& profile,
                     const RestoreRequest& request);

// The profile as kando reads it, with its secrets.
[[nodiscard]] std::string profile_json(const location::ResolvedProfile& profile);
// For the standard input of a command that reads them, one a line. Throws kInvalid where one has a line
// break.
[[nodiscard]] std::string secret_lines(const std::vector<std::string>& secrets);

// The outputs of a backup: backupID, backupTag, fileCount, size, phySize, version.
[[nodiscard]] Value backup_outputs(const Value& summary, const std::string& tag);
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);  // "12 B"

// A Pod's spec that waits for exec: the image, and nothing else.
[[nodiscard]] Value waiting_pod_spec(const std::string& image);

}  // namespace fencepost::functions
