#include "location/restic/inode.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "base/error.h"

namespace fencepost::location::restic {
namespace {

constexpr std::size_t kMaxAttributeBytes = std::size_t{64} << 10U;  // Linux's own limit

SystemTime time_of(const timespec& time) {
    return SystemTime(std::chrono::duration_cast<SystemTime::duration>(
        std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec)));
}

timespec spec_of(SystemTime time) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch());
    const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch() - whole);
    return {.tv_sec = whole.count(), .tv_nsec = static_cast<long>(rest.count())};
}

std::string type_of(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFREG:
            return "file";
        case S_IFDIR:
            return "dir";
        case S_IFLNK:
            return "symlink";
        case S_IFBLK:
            return "dev";
        case S_IFCHR:
            return "chardev";
        case S_IFIFO:
            return "fifo";
        default:
            return "socket";
    }
}

// The extended attributes' calls have no *at form.
std::string entry_path(int folder, const std::string& name) {
    return "/proc/self/fd/" + std::to_string(folder) + "/" + name;
}

// The bytes that `read(buffer, size)` fills; nothing where there are none or no such thing.
template <typename Read>
std::string attribute_bytes(Read read) {
    std::string bytes(kMaxAttributeBytes, '\0');
    const ssize_t size = read(bytes.data(), bytes.size());
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return bytes;
}

void read_attributes(Node& node, int folder, const std::string& name) {
    const std::string path = entry_path(folder, name);
    const std::string names = attribute_bytes(
        [&](char* buffer, std::size_t size) { return ::llistxattr(path.c_str(), buffer, size); });
    for (std::size_t at = 0; at < names.size();) {
        const std::string attribute = names.c_str() + at;
        at += attribute.size() + 1;
        std::string value = attribute_bytes([&](char* buffer, std::size_t size) {
            return ::lgetxattr(path.c_str(), attribute.c_str(), buffer, size);
        });
        node.attributes.emplace_back(attribute, std::move(value));
    }
}

std::string link_target(int folder, const std::string& name, const std::string& path) {
    std::array<char, PATH_MAX + 1> target{};
    const ssize_t size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (size < 0) throw errno_error("cannot read the link " + path, errno);
    return {target.data(), static_cast<std::size_t>(size)};
}

bool is_not_had(int error) {
    return error == EPERM || error == EACCES || error == EOPNOTSUPP || error == EINVAL;
}

}  // namespace

std::optional<Node> read_inode(int folder, const std::string& name, const std::string& path) {
    struct stat info{};
    if (::fstatat(folder, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return std::nullopt;
        throw errno_error("cannot look at " + path, errno);
    }
    Node node{.name = name, .type = type_of(info.st_mode)};
    node.size = S_ISREG(info.st_mode) ? static_cast<std::uint64_t>(info.st_size) : 0;
    node.time = time_of(info.st_mtim);
    node.changed = time_of(info.st_ctim);
    node.permissions = info.st_mode & 07777U;
    node.uid = info.st_uid;
    node.gid = info.st_gid;
    node.inode = info.st_ino;
    node.device_id = info.st_dev;
    node.links = info.st_nlink;
    if (node.type == "dev" || node.type == "chardev") node.device = info.st_rdev;
    if (node.type == "symlink") node.link_target = link_target(folder, name, path);
    read_attributes(node, folder, name);
    return node;
}

std::string write_inode(int folder, const std::string& name, const Node& node, const std::string& path) {
    std::string missing;
    const auto lacks = [&](const std::string& what) {
        if (!is_not_had(errno)) throw errno_error("cannot set the " + what + " of " + path, errno);
        missing += (missing.empty() ? "" : ", ") + what;
    };
    if (::fchownat(folder, name.c_str(), node.uid, node.gid, AT_SYMLINK_NOFOLLOW) != 0) lacks("owner");
    const std::string whole = entry_path(folder, name);
    for (const auto& [attribute, value] : node.attributes) {
        if (::lsetxattr(whole.c_str(), attribute.c_str(), value.data(), value.size(), 0) != 0)
            lacks("attribute " + attribute);
    }
    // After the owner, whose change takes setuid away.
    if (node.type != "symlink" && ::fchmodat(folder, name.c_str(), node.permissions, 0) != 0) lacks("mode");
    const timespec time = spec_of(node.time);
    const timespec times[2] = {time, time};
    if (::utimensat(folder, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) lacks("time");
    return missing;
}

UniqueFd open_entry(int folder, const std::string& name, int flags, const std::string& path) {
    UniqueFd fd(::openat(folder, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.is_open() && errno != ENOENT) {
        const int error = errno;
        const bool is_other = error == ELOOP || error == ENOTDIR;
        throw is_other
            ? Error(ErrorKind::kFailedPrecondition, path + " is a link or a file where a folder is expected")
            : errno_error("cannot open " + path, error);
    }
    return fd;
}

}  // namespace fencepost::location::restic
