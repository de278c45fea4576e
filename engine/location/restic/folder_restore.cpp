#include "location/restic/folder_restore.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/encodings.h"
#include "base/error.h"
#include "location/restic/inode.h"

namespace fencepost::location::restic {
namespace {

constexpr std::size_t kHoleBytes = 4096;

bool is_zero(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

// Writes from `at` on, but for whole pieces of zeros.
void write_sparsely(int fd, std::string_view bytes, std::uint64_t& at, const std::string& path) {
    while (!bytes.empty()) {
        const std::size_t size =
            std::min(bytes.size(), kHoleBytes - static_cast<std::size_t>(at % kHoleBytes));
        const std::string_view piece = bytes.substr(0, size);
        bytes.remove_prefix(size);
        if (size < kHoleBytes || !is_zero(piece)) {
            std::size_t done = 0;
            while (done < size) {
                const ssize_t written =
                    ::pwrite(fd, piece.data() + done, size - done, static_cast<off_t>(at + done));
                if (written < 0 && errno == EINTR) continue;
                if (written < 0) throw errno_error("cannot write " + path, errno);
                done += static_cast<std::size_t>(written);
            }
        }
        at += size;
    }
}

// Removes what is left of an entry that was not finished.
class Temporary {
  public:
    Temporary(int folder, const std::string& name) : folder_(folder), name_(name) {}
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary() { ::unlinkat(folder_, name_.c_str(), 0); }

  private:
    int folder_;
    const std::string& name_;
};

}  // namespace

FolderRestore::FolderRestore(SnapshotReader& reader, std::function<void(const std::string&)> on_warning,
                             std::function<void(std::uint64_t bytes)> on_progress, const CancelToken& cancel)
    : reader_(reader),
      on_warning_(std::move(on_warning)),
      on_progress_(std::move(on_progress)),
      cancel_(cancel),
      temporary_(".restore-" + random_name_suffix(10)) {}

void FolderRestore::restore(const Snapshot& snapshot, const std::string& inner,
                            const std::filesystem::path& target) {
    std::filesystem::create_directories(target);
    root_ = open_file(target, O_RDONLY | O_DIRECTORY);
    root_path_ = target == "/" ? "" : target.string();
    backed_up_ = snapshot.paths;
    // Down to the inner path; what lies there is restored, not the way to it.
    std::vector<Node> nodes = reader_.load_tree(snapshot.tree);
    std::string way;
    for (std::size_t at = 0; at < inner.size();) {
        const std::size_t begin = at + (inner[at] == '/' ? 1 : 0);
        const std::size_t end = std::min(inner.find('/', begin), inner.size());
        const std::string name = inner.substr(begin, end - begin);
        at = end;
        if (name.empty()) continue;
        const auto found =
            std::find_if(nodes.begin(), nodes.end(), [&](const Node& node) { return node.name == name; });
        if (found == nodes.end() || (!found->subtree && end != inner.size())) {
            throw Error(ErrorKind::kNotFound, "the snapshot has no " + way + "/" + name);
        }
        way += "/" + name;
        Node node = std::move(*found);
        nodes = node.subtree ? reader_.load_tree(*node.subtree) : std::vector<Node>{std::move(node)};
    }
    restore_nodes(nodes, root_.get(), "", way, 0);
    if (::syncfs(root_.get()) != 0) throw errno_error("cannot write " + target.string() + " to disk", errno);
}

void FolderRestore::restore_nodes(const std::vector<Node>& nodes, int folder, const std::string& path,
                                  const std::string& inner, int depth) {
    if (depth > kMaxTreeDepth)
        throw Error(ErrorKind::kTooLarge, "the snapshot's folders are nested too deep");
    for (const Node& node : nodes) {
        cancel_.throw_if_cancelled();
        const std::string below = path + "/" + node.name;
        if (node.subtree) {
            restore_folder(node, folder, below, inner + "/" + node.name, depth);
        } else if (node.type == "file") {
            restore_file(node, folder, below);
        } else {
            restore_other(node, folder, below);
        }
    }
}

void FolderRestore::restore_folder(const Node& node, int folder, const std::string& path,
                                   const std::string& inner, int depth) {
    const bool is_new = ::mkdirat(folder, node.name.c_str(), 0700) == 0;
    if (!is_new && errno != EEXIST) throw errno_error("cannot make the folder " + root_path_ + path, errno);
    {
        const UniqueFd fd = open_entry(folder, node.name, O_RDONLY | O_DIRECTORY, root_path_ + path);
        if (!fd.is_open()) throw errno_error("cannot open " + root_path_ + path, ENOENT);
        restore_nodes(reader_.load_tree(*node.subtree), fd.get(), path, inner, depth + 1);
    }
    // After its entries, which change its times, and may need a mode that it does not have.
    if (is_new || !leads_to_the_backup(inner))
        warn(write_inode(folder, node.name, node, root_path_ + path), path);
}

void FolderRestore::restore_file(const Node& node, int folder, const std::string& path) {
    if (node.links > 1 && link(node, folder, path)) return;
    const Temporary cleanup(folder, temporary_);
    const UniqueFd fd(
        ::openat(folder, temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd.is_open()) throw errno_error("cannot write " + root_path_ + path, errno);
    std::uint64_t written = 0;
    (void)reader_.stream({.path = path, .size = node.size, .content = node.content},
                         [&](std::string_view bytes) {
                             write_sparsely(fd.get(), bytes, written, root_path_ + path);
                             if (on_progress_) on_progress_(bytes_ + written);
                         });
    if (::ftruncate(fd.get(), static_cast<off_t>(written)) != 0)
        throw errno_error("cannot write " + root_path_ + path, errno);
    finish(node, folder, temporary_, path);
    ++files_;
    bytes_ += written;
    if (node.links > 1) several_names_[{node.device_id, node.inode}] = path.substr(1);
}

bool FolderRestore::link(const Node& node, int folder, const std::string& path) {
    const auto first = several_names_.find({node.device_id, node.inode});
    if (first == several_names_.end()) return false;
    // A name that its own folder holds no more would lead through what others have put there meanwhile.
    const Temporary cleanup(folder, temporary_);
    if (::linkat(root_.get(), first->second.c_str(), folder, temporary_.c_str(), 0) != 0) return false;
    if (::renameat(folder, temporary_.c_str(), folder, node.name.c_str()) != 0)
        throw errno_error("cannot make the link " + root_path_ + path, errno);
    ++files_;
    return true;
}

void FolderRestore::restore_other(const Node& node, int folder, const std::string& path) {
    const Temporary cleanup(folder, temporary_);
    int result = 0;
    if (node.type == "symlink") {
        result = ::symlinkat(node.link_target.c_str(), folder, temporary_.c_str());
    } else if (node.type == "fifo") {
        result = ::mkfifoat(folder, temporary_.c_str(), 0600);
    } else if (node.type == "dev" || node.type == "chardev") {
        result = ::mknodat(folder, temporary_.c_str(), (node.type == "dev" ? S_IFBLK : S_IFCHR) | 0600,
                           node.device);
    } else {
        return;  // a socket is made by whoever listens on it
    }
    if (result != 0 && errno == EPERM) return warn(node.type, path);
    if (result != 0) throw errno_error("cannot make " + root_path_ + path, errno);
    finish(node, folder, temporary_, path);
}

void FolderRestore::finish(const Node& node, int folder, const std::string& temporary,
                           const std::string& path) {
    warn(write_inode(folder, temporary, node, root_path_ + path), path);
    if (::renameat(folder, temporary.c_str(), folder, node.name.c_str()) != 0)
        throw errno_error("cannot put " + root_path_ + path + " into place", errno);
}

bool FolderRestore::leads_to_the_backup(const std::string& inner) const {
    return std::any_of(backed_up_.begin(), backed_up_.end(),
                       [&](const std::string& path) { return path.starts_with(inner + "/"); });
}

void FolderRestore::warn(const std::string& missing, const std::string& path) {
    if (!missing.empty() && on_warning_) on_warning_(root_path_ + path + ": not restored: " + missing);
}

}  // namespace fencepost::location::restic
