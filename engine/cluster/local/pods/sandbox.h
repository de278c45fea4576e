// Which bubblewrap command line gives a container its mounts. The host's file system stays as it is, read and
// write; only the mount paths are put over it. A mount path whose parent lacks it needs a place to stand:
// that parent becomes a tmpfs with every one of its entries bound back in, so that nothing is ever created on
// the host.
//
// Pure but for the HostView that it is given; thread-safe.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace fencepost::cluster::local {

struct Mount {
    std::filesystem::path source;  // exists
    std::filesystem::path target;  // absolute
    bool is_read_only = false;
    bool is_file = false;
};

// What the planner asks of the host.
struct HostView {
    enum class Type { kNone, kFile, kFolder, kSymlink };
    struct Entry {
        std::string name;
        Type type = Type::kNone;
        std::string link_target;
    };
    std::function<Type(const std::filesystem::path&)> type_of;  // follows symlinks
    std::function<std::filesystem::path(const std::filesystem::path&)>
        resolve;  // symlinks of what exists of the path
    std::function<std::vector<Entry>(const std::filesystem::path&)> entries;
    std::function<unsigned(const std::filesystem::path&)> mode;
};
[[nodiscard]] HostView real_host();

inline constexpr std::size_t kMaxRebuiltEntries = 1000;

// The argv up to but without "--"; empty where there are no mounts. Throws Error{kFailedPrecondition} where a
// parent has more entries than can be bound back.
[[nodiscard]] std::vector<std::string> sandbox_command(const std::string& bubblewrap,
                                                       std::vector<Mount> mounts, const HostView& host);

}  // namespace fencepost::cluster::local
