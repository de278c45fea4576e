// Writes a snapshot's tree to a folder: what FolderBackup stored, or restic. Everything is done by handles of
// folders and never through a symlink, so that no content of a snapshot leads out of the target. A file
// appears whole, in place of what had its name; other entries of a folder stay as they are. Runs of zeros
// become holes, names of one file become links of one file.
//
// The folders above what was backed up ("/", "/var" of "/var/lib/app") keep their own owners, modes and times
// where they are there already. What only root, or another file system, could set is told to `on_warning` and
// left. Used by one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/files.h"
#include "location/restic/documents.h"
#include "location/restic/reader.h"

namespace fencepost::location::restic {

class FolderRestore {
  public:
    FolderRestore(SnapshotReader& reader, std::function<void(const std::string&)> on_warning,
                  std::function<void(std::uint64_t bytes)> on_progress, const CancelToken& cancel);

    // What lies at `inner` in the snapshot ("" is everything) goes into the folder `target`, which is made
    // where it is missing. kNotFound where there is no such path. Returns when it is on disk.
    void restore(const Snapshot& snapshot, const std::string& inner, const std::filesystem::path& target);
    [[nodiscard]] std::uint64_t files() const noexcept { return files_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

  private:
    void restore_nodes(const std::vector<Node>& nodes, int folder, const std::string& path,
                       const std::string& inner, int depth);
    void restore_folder(const Node& node, int folder, const std::string& path, const std::string& inner,
                        int depth);
    void restore_file(const Node& node, int folder, const std::string& path);
    void restore_other(const Node& node, int folder, const std::string& path);
    // A file of another name that was restored already: the same one again. False where there is none.
    [[nodiscard]] bool link(const Node& node, int folder, const std::string& path);
    void finish(const Node& node, int folder, const std::string& temporary, const std::string& path);
    [[nodiscard]] bool leads_to_the_backup(const std::string& inner) const;
    void warn(const std::string& missing, const std::string& path);

    SnapshotReader& reader_;
    std::function<void(const std::string&)> on_warning_;
    std::function<void(std::uint64_t bytes)> on_progress_;
    CancelToken cancel_;
    UniqueFd root_;
    std::string root_path_;
    std::vector<std::string> backed_up_;                                            // the snapshot's paths
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> several_names_;  // below the root
    std::string temporary_;
    std::uint64_t files_ = 0;
    std::uint64_t bytes_ = 0;
};

}  // namespace fencepost::location::restic
