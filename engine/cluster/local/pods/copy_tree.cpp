#include "cluster/local/pods/copy_tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/files.h"

namespace fencepost::cluster::local {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = std::size_t{16} << 20U;

class Copier {
  public:
    explicit Copier(const CancelToken& cancel) : cancel_(cancel) {}

    void copy(const fs::path& from, const fs::path& to) {
        cancel_.throw_if_cancelled();
        struct stat status{};
        if (::lstat(from.c_str(), &status) != 0) {
            if (errno == ENOENT) return;  // gone since the folder was read
            throw errno_error("stat " + from.string(), errno);
        }
        if (S_ISDIR(status.st_mode)) {
            copy_folder(from, to);
        } else if (S_ISREG(status.st_mode)) {
            if (!copy_as_link(status, to) && !copy_file(from, to)) return;
        } else if (S_ISLNK(status.st_mode)) {
            fs::create_symlink(fs::read_symlink(from), to);
        } else if (S_ISFIFO(status.st_mode)) {
            if (::mkfifo(to.c_str(), 0600) != 0) throw errno_error("mkfifo " + to.string(), errno);
        } else {
            return;
        }
        copy_attributes(from, to, status);
    }

  private:
    void copy_folder(const fs::path& from, const fs::path& to) {
        fs::create_directory(to);
        for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
            copy(entry.path(), to / entry.path().filename());
        }
    }

    bool copy_as_link(const struct stat& status, const fs::path& to) {
        if (status.st_nlink < 2) return false;
        const auto [first, is_new] = links_.try_emplace({status.st_dev, status.st_ino}, to);
        if (is_new) return false;
        fs::create_hard_link(first->second, to);
        return true;
    }

    bool copy_file(const fs::path& from, const fs::path& to) {
        const UniqueFd in(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        if (!in.is_open() && errno == ENOENT) return false;
        if (!in.is_open()) throw errno_error("open " + from.string(), errno);
        const UniqueFd out = open_file(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (::ioctl(out.get(), FICLONE, in.get()) == 0) return true;
        struct stat status{};
        if (::fstat(in.get(), &status) != 0) throw errno_error("stat " + from.string(), errno);
        // The size first: what follows the last piece of data is a hole.
        if (::ftruncate(out.get(), status.st_size) != 0) throw errno_error("truncate " + to.string(), errno);
        for (off_t at = 0; at < status.st_size;) {
            const off_t data = ::lseek(in.get(), at, SEEK_DATA);
            if (data < 0 && errno == ENXIO) break;
            if (data < 0) throw errno_error("read " + from.string(), errno);
            const off_t hole = ::lseek(in.get(), data, SEEK_HOLE);
            at = std::min(hole < 0 ? status.st_size : hole, status.st_size);
            copy_range(in.get(), out.get(), data, at, to);
        }
        return true;
    }

    void copy_range(int in, int out, off_t from, off_t end, const fs::path& to) {
        while (from < end) {
            cancel_.throw_if_cancelled();
            off_t read_at = from, write_at = from;
            const std::size_t want = std::min(kPiece, static_cast<std::size_t>(end - from));
            ssize_t got = ::copy_file_range(in, &read_at, out, &write_at, want, 0);
            if (got < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
                got = copy_by_hand(in, out, from, want);
            }
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) throw errno_error("write " + to.string(), errno);
            if (got == 0) return;  // the source was cut short meanwhile
            from += got;
        }
    }

    static ssize_t copy_by_hand(int in, int out, off_t at, std::size_t want) {
        std::array<char, 65536> buffer;
        const ssize_t got = ::pread(in, buffer.data(), std::min(want, buffer.size()), at);
        return got <= 0 ? got : ::pwrite(out, buffer.data(), static_cast<std::size_t>(got), at);
    }

    static void copy_extended(const fs::path& from, const fs::path& to) {
        std::array<char, 4096> names;
        const ssize_t length = ::llistxattr(from.c_str(), names.data(), names.size());
        std::string value(65536, '\0');
        for (ssize_t at = 0; at < length;) {
            const char* name = names.data() + at;
            at += static_cast<ssize_t>(std::string_view(name).size()) + 1;
            const ssize_t size = ::lgetxattr(from.c_str(), name, value.data(), value.size());
            // Best effort: security.* needs rights that an unprivileged daemon lacks.
            if (size >= 0 &&
                ::lsetxattr(to.c_str(), name, value.data(), static_cast<std::size_t>(size), 0) != 0)
                errno = 0;
        }
    }

    static void copy_attributes(const fs::path& from, const fs::path& to, const struct stat& status) {
        if (::lchown(to.c_str(), status.st_uid, status.st_gid) != 0 && ::geteuid() == 0) {
            throw errno_error("chown " + to.string(), errno);
        }
        if (!S_ISLNK(status.st_mode)) {
            copy_extended(from, to);
            if (::chmod(to.c_str(), status.st_mode & 07777U) != 0)
                throw errno_error("chmod " + to.string(), errno);
        }
        const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
        if (::utimensat(AT_FDCWD, to.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
            throw errno_error("utimens " + to.string(), errno);
        }
    }

    const CancelToken& cancel_;
    std::map<std::pair<dev_t, ino_t>, fs::path> links_;
};

}  // namespace

void copy_folder_whole(const fs::path& source, const fs::path& target, const CancelToken& cancel) {
    try {
        if (fs::exists(target)) return;
        const fs::path partial = target.string() + ".partial";
        fs::remove_all(partial);
        fs::create_directories(target.parent_path());
        Copier(cancel).copy(source, partial);
        const UniqueFd folder = open_file(target.parent_path(), O_RDONLY | O_DIRECTORY);
        // One flush of the file system instead of one for each file.
        if (::syncfs(folder.get()) != 0) throw errno_error("syncfs " + target.string(), errno);
        fs::rename(partial, target);
        if (::fsync(folder.get()) != 0) throw errno_error("fsync " + target.parent_path().string(), errno);
    } catch (const fs::filesystem_error& e) {
        Error error = errno_error("copy " + source.string(), e.code().value());
        error.add_trace(e.what());
        throw error;
    }
}

}  // namespace fencepost::cluster::local
