// Stores a folder tree, or a single file, as restic does: a tree blob a folder, content-defined chunks a
// file, with modes, owners, times, links, devices and extended attributes. Sockets are named only. Nothing is
// followed but the folders above the path itself; file systems are crossed.
//
// A file that is as it was in the snapshot before (modification and inode change time, size, inode) is not
// read again. One that goes away while the folder is read is left out; one that cannot be read is an error:
// a backup has everything, or is none. Used by one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "base/cancel.h"
#include "location/restic/blob_store.h"
#include "location/restic/tree.h"

namespace fencepost::location::restic {

inline constexpr std::size_t kMaxFolderDepth = 200;

struct FolderContent {
    std::uint64_t files = 0;
    std::uint64_t folders = 0;
    std::uint64_t others = 0;
    std::uint64_t unchanged_files = 0;
    std::uint64_t bytes = 0;  // of the files
};

class FolderBackup {
  public:
    // The nodes of a tree of the snapshot before.
    using LoadTree = std::function<std::vector<Node>(const Digest& tree)>;

    FolderBackup(BlobStore& store, const Chunker& chunker, LoadTree load_previous,
                 std::function<void(std::uint64_t bytes)> on_progress, const CancelToken& cancel);

    // Returns the root tree, which has the whole way to the path. REQUIRES: absolute, normal.
    [[nodiscard]] Digest store(const std::filesystem::path& path, const std::optional<Digest>& previous_root);
    [[nodiscard]] const FolderContent& content() const noexcept { return content_; }

  private:
    using Previous = std::vector<Node>;

    [[nodiscard]] Previous previous_of(const std::optional<Digest>& tree) const;
    [[nodiscard]] std::optional<Node> store_entry(int folder, const std::string& name,
                                                  const std::string& path, const Previous& previous,
                                                  std::size_t depth);
    [[nodiscard]] Digest store_folder(int folder, const std::string& path,
                                      const std::optional<Digest>& previous, std::size_t depth);
    void store_file(Node& node, int fd, const Node* before);
    [[nodiscard]] Digest store_tree(std::vector<Node> nodes);

    BlobStore& store_;
    const Chunker& chunker_;
    LoadTree load_previous_;
    std::function<void(std::uint64_t bytes)> on_progress_;
    CancelToken cancel_;
    BlobStore::Tools tools_;
    Buffer small_;
    FolderContent content_;
};

}  // namespace fencepost::location::restic
