// Tree blobs: the JSON of one folder, a Node an entry, as restic writes them. Names are quoted as Go quotes
// strings, so that they need not be UTF-8; modes are Go's os.FileMode in the blob and st_mode's here. Pure.
// parse_tree takes what others wrote (members that are not known are skipped) and throws kDataLoss.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "location/restic/blob.h"

namespace fencepost::location::restic {

struct Node {
    std::string name;
    std::string type;  // file, dir, symlink, fifo, socket, dev, chardev, and what restic else may have
    std::uint64_t size = 0;
    std::vector<Digest> content;    // of a file
    std::optional<Digest> subtree;  // of a folder
    SystemTime time;                // last modified
    SystemTime changed;             // the inode's, st_ctim
    std::uint32_t permissions = 0;  // st_mode & 07777
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint64_t inode = 0;      // with device_id: nodes of a file with several names have the same ones
    std::uint64_t device_id = 0;  // st_dev
    std::uint64_t links = 0;
    std::string link_target;
    std::uint64_t device = 0;                                     // st_rdev of a device
    std::vector<std::pair<std::string, std::string>> attributes;  // extended ones: name and value
};

[[nodiscard]] std::vector<Node> parse_tree(std::string_view json);
// Sorts by name, as restic needs it.
[[nodiscard]] std::string encode_tree(std::vector<Node> nodes);

}  // namespace fencepost::location::restic
