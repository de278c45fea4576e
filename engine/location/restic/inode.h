// A file's inode as a node of a tree, and what of it has a way back. Thread-safe.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

#include "base/files.h"
#include "location/restic/tree.h"

namespace fencepost::location::restic {

// Without content or subtree. Nothing where the file is gone. Throws errno_error with `path` in the message.
[[nodiscard]] std::optional<Node> read_inode(int folder, const std::string& name, const std::string& path);

// Sets owner, mode, extended attributes and times of an entry of a folder, symlinks themselves. Returns what
// this user or file system does not have ("" where everything was set); other failures are errors.
[[nodiscard]] std::string write_inode(int folder, const std::string& name, const Node& node,
                                      const std::string& path);

// Opens an entry of a folder, never through a symlink. Not open where it is gone.
[[nodiscard]] UniqueFd open_entry(int folder, const std::string& name, int flags, const std::string& path);

}  // namespace fencepost::location::restic
