// Reads a snapshot's files: walks its trees, and streams a file's chunks with a range of the next pack on its
// way while the present one is decoded. Everything is verified: MAC, length, SHA-256. Used by one thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "location/location.h"
#include "location/restic/documents.h"
#include "location/restic/files.h"
#include "location/restic/index.h"
#include "location/restic/tree.h"

namespace fencepost::location::restic {

inline constexpr int kMaxTreeDepth = 256;
inline constexpr std::size_t kMaxTreeNodes = 1'000'000;

struct SnapshotFile {
    std::string path;  // "/a/b"
    std::uint64_t size = 0;
    std::vector<Digest> content;
};

class SnapshotReader {
  public:
    SnapshotReader(const Files& files, const CancelToken& cancel);

    // The snapshot's only file; where it has several, the one of that path. kNotFound, kInvalid.
    [[nodiscard]] SnapshotFile find_file(const Snapshot& snapshot, std::string_view path);
    // Every node below the root, folders before what is in them.
    void visit(const Snapshot& snapshot,
               const std::function<void(const std::string& path, const Node& node)>& visit);
    [[nodiscard]] std::vector<Node> load_tree(const Digest& tree);
    [[nodiscard]] const Index& index() const noexcept { return index_; }
    // Returns the bytes that went to the sink.
    std::uint64_t stream(const SnapshotFile& file, const Sink& sink);

  private:
    [[nodiscard]] std::string load_blob(BlobType type, const Digest& id);
    [[nodiscard]] Index::Place place_of(BlobType type, const Digest& id);
    using Visit = std::function<void(const std::string& path, const Node& node)>;
    void visit_tree(const Digest& tree, const std::string& folder, int depth, const Visit& visit);
    void index_the_unindexed();

    const Files& files_;
    CancelToken cancel_;
    Index index_;
    std::size_t nodes_ = 0;
    bool looked_at_packs_ = false;
};

}  // namespace fencepost::location::restic
