#include "location/file_location.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <type_traits>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "location/key.h"

namespace fencepost::location {
namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 20U;
constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr std::time_t kTemporaryMaxAge = 24 * 60 * 60;  // older ones were left by writers that died
constexpr int kPlaceAttempts = 1000;  // each one lost means that another object came and went meanwhile

struct DirCloser {
    void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, DirCloser>;

// A file that is removed again unless it was given its name.
class Temporary {
  public:
    Temporary(int folder, std::string name) : folder_(folder), name_(std::move(name)) {
        file_.reset(::openat(folder_, name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
        if (!file_.is_open()) throw errno_error("create a temporary file", errno);
    }
    Temporary(const Temporary&) = delete;
    Temporary& operator=(const Temporary&) = delete;
    ~Temporary() {
        if (!kept_) ::unlinkat(folder_, name_.c_str(), 0);
    }
    [[nodiscard]] int fd() const noexcept { return file_.get(); }
    // False with errno where the target's folder is gone or the target is there and may not be.
    [[nodiscard]] bool rename_to(int target_folder, const std::string& target, bool only_if_absent) {
        int failed = 0;
        if (only_if_absent) {
            failed = ::renameat2(folder_, name_.c_str(), target_folder, target.c_str(), RENAME_NOREPLACE);
            if (failed != 0 && (errno == EINVAL || errno == ENOSYS)) {  // a file system without it
                failed = ::linkat(folder_, name_.c_str(), target_folder, target.c_str(), 0);
                if (failed == 0) return true;  // the temporary name goes in the destructor
            }
        } else {
            failed = ::renameat(folder_, name_.c_str(), target_folder, target.c_str());
        }
        kept_ = failed == 0;
        return kept_;
    }

  private:
    int folder_;
    std::string name_;
    UniqueFd file_;
    bool kept_ = false;
};

ObjectStat to_stat(std::string_view key, const struct stat& status) {
    const auto modified =
        std::chrono::seconds{status.st_mtim.tv_sec} + std::chrono::nanoseconds{status.st_mtim.tv_nsec};
    return {.key = std::string(key),
            .size = static_cast<std::uint64_t>(status.st_size),
            .etag = std::to_string(status.st_ino) + "-" + std::to_string(status.st_size) + "-" +
                    std::to_string(modified.count()),
            .modified = SystemTime{std::chrono::duration_cast<SystemTime::duration>(modified)}};
}

void sync(int fd, std::string_view what) {
    if (::fsync(fd) != 0) throw errno_error(what, errno);
}

class FileLocation final : public Location {
  public:
    FileLocation(std::string folder, std::string_view prefix)
        : folder_(std::move(folder)), prefix_(join_key(prefix, "")) {
        while (folder_.size() > 1 && folder_.back() == '/') folder_.pop_back();
    }

    [[nodiscard]] std::string description() const override {
        return "file://" + folder_ + (prefix_.empty() ? "" : "/" + prefix_);
    }

    ObjectStat put(std::string_view key, const Source& source, const PutOptions& options,
                   const CancelToken& cancel) override {
        return traced("write", key, [&] {
            const std::string path = path_of(key);
            const UniqueFd root = open_root();
            const UniqueFd temporaries = open_temporaries(root.get());
            Temporary file(temporaries.get(), random_name_suffix(16));
            const std::uint64_t size = copy_in(file.fd(), source, cancel);
            if (options.size && *options.size != size) {
                throw Error(ErrorKind::kInvalid, std::to_string(size) + " bytes came, announced were " +
                                                     std::to_string(*options.size));
            }
            sync(file.fd(), "fsync");
            struct stat status{};
            if (::fstat(file.fd(), &status) != 0) throw errno_error("stat", errno);
            cancel.throw_if_cancelled();
            place(root.get(), path, file, options.only_if_absent);
            return to_stat(key, status);
        });
    }

    ObjectStat put_bytes(std::string_view key, std::string_view bytes, const PutOptions& options,
                         const CancelToken& cancel) override {
        const Source source = [bytes](char* buffer, std::size_t size) mutable {
            const std::size_t piece = bytes.copy(buffer, size);
            bytes.remove_prefix(piece);
            return piece;
        };
        return put(key, source, options, cancel);
    }

    void get(std::string_view key, const Sink& sink, const CancelToken& cancel, std::uint64_t offset,
             std::uint64_t length) override {
        traced("read", key, [&] {
            const UniqueFd file = open_object(path_of(key));
            if (!file.is_open()) throw not_found(key);
            if (offset > 0 && ::lseek(file.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
                throw errno_error("seek", errno);
            }
            std::uint64_t left = length == 0 ? ~std::uint64_t{0} : length;
            const auto buffer = std::make_unique_for_overwrite<char[]>(kBuffer);
            while (left > 0) {
                cancel.throw_if_cancelled();
                const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, left));
                const std::size_t piece = read_some(file.get(), buffer.get(), wanted);
                if (piece == 0) break;
                left -= piece;
                sink({buffer.get(), piece});
            }
            if (length != 0 && left > 0) {
                throw Error(ErrorKind::kDataLoss, "the object ends " + std::to_string(left) +
                                                      " bytes before the part that was asked for");
            }
        });
    }

    [[nodiscard]] std::string get_bytes(std::string_view key, const CancelToken& cancel, std::uint64_t offset,
                                        std::uint64_t length) override {
        std::string bytes;
        get(key, [&](std::string_view piece) { bytes += piece; }, cancel, offset, length);
        return bytes;
    }

    [[nodiscard]] std::optional<ObjectStat> stat(std::string_view key, const CancelToken& cancel) override {
        cancel.throw_if_cancelled();
        return traced("look at", key, [&]() -> std::optional<ObjectStat> {
            const UniqueFd file = open_object(path_of(key));
            if (!file.is_open()) return std::nullopt;
            struct stat status{};
            if (::fstat(file.get(), &status) != 0) throw errno_error("stat", errno);
            return to_stat(key, status);
        });
    }

    void list(std::string_view prefix, const std::function<void(const ObjectStat&)>& visit,
              const CancelToken& cancel) override {
        check_key_prefix(prefix);
        try {
            const UniqueFd root = open_root();
            const std::size_t slash = prefix.rfind('/');
            const std::string below(slash == std::string_view::npos ? "" : prefix.substr(0, slash));
            const std::string folder = join_key(prefix_, below);
            const UniqueFd start =
                folder.empty() ? UniqueFd(::dup(root.get())) : walk(root.get(), folder, false);
            if (start.is_open()) {
                list_folder(start.get(), below.empty() ? "" : below + "/", prefix, visit, cancel);
            }
        } catch (Error& error) {
            error.add_trace("list " + description());
            throw;
        }
    }

    Removal remove(std::string_view key, const CancelToken& cancel) override {
        cancel.throw_if_cancelled();
        traced("delete", key, [&] {
            const std::string path = path_of(key);
            const UniqueFd root = open_root();
            const std::size_t slash = path.rfind('/');
            const UniqueFd parent = slash == std::string::npos
                                        ? UniqueFd(::dup(root.get()))
                                        : walk(root.get(), path.substr(0, slash), false);
            if (!parent.is_open()) return;
            const std::string leaf = path.substr(slash == std::string::npos ? 0 : slash + 1);
            if (::unlinkat(parent.get(), leaf.c_str(), 0) != 0) {
                if (errno == ENOENT || errno == EISDIR) return;
                throw errno_error("unlink", errno);
            }
            sync(parent.get(), "fsync of the folder");
            remove_empty_folders(root.get(), path);
        });
        return {};
    }

    Protection protect(const CancelToken&) override {
        throw Error(ErrorKind::kFailedPrecondition, description() + ": a folder has no object lock");
    }
    [[nodiscard]] bool check_protection(const CancelToken&) override { return false; }

  private:
    [[nodiscard]] std::string path_of(std::string_view key) const {
        check_key(key);
        std::string path = prefix_.empty() ? std::string(key) : prefix_ + "/" + std::string(key);
        if (path == kTemporaryFolder || path.starts_with(std::string(kTemporaryFolder) + "/")) {
            throw Error(ErrorKind::kInvalid, "the name is kept for temporary files");
        }
        return path;
    }

    [[nodiscard]] static Error not_found(std::string_view key) {
        return {ErrorKind::kNotFound, "there is no object '" + std::string(key) + "'"};
    }

    [[nodiscard]] UniqueFd open_root() const {
        UniqueFd root(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (root.is_open()) return root;
        if (errno != ENOENT) throw errno_error("open " + folder_, errno);
        throw Error(ErrorKind::kNotFound, "the file store's folder " + folder_ + " does not exist",
                    "make the folder, or mount what should be there");
    }

    // Opens a folder below the root, making what is missing if `create`. A closed one says that it is absent,
    // or with `create` that a concurrent remove() took one of the folders away again while it was still
    // empty.
    [[nodiscard]] static UniqueFd walk(int root, std::string_view path, bool create) {
        UniqueFd here(::dup(root));
        while (!path.empty()) {
            const std::size_t slash = path.find('/');
            const std::string name(path.substr(0, slash));
            path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
            if (create) {
                if (::mkdirat(here.get(), name.c_str(), 0755) == 0) {
                    sync(here.get(), "fsync of the folder");
                } else if (errno == ENOENT) {
                    return {};
                } else if (errno != EEXIST) {
                    throw errno_error("make the folder '" + name + "'", errno);
                }
            }
            UniqueFd next(::openat(here.get(), name.c_str(), kFolderFlags));
            if (!next.is_open()) {
                if (errno == ENOENT) return {};
                if (errno == ENOTDIR && !create) return {};
                if (errno == ENOTDIR || errno == ELOOP) {
                    throw Error(ErrorKind::kFailedPrecondition,
                                "'" + name + "' is no folder, so that no object can lie below it");
                }
                throw errno_error("open the folder '" + name + "'", errno);
            }
            here = std::move(next);
        }
        return here;
    }

    [[nodiscard]] UniqueFd open_object(const std::string& path) const {
        const UniqueFd root = open_root();
        const std::size_t slash = path.rfind('/');
        const UniqueFd parent = slash == std::string::npos ? UniqueFd(::dup(root.get()))
                                                           : walk(root.get(), path.substr(0, slash), false);
        if (!parent.is_open()) return {};
        const std::string leaf = path.substr(slash == std::string::npos ? 0 : slash + 1);
        UniqueFd file(::openat(parent.get(), leaf.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
        if (!file.is_open()) {
            if (errno == ENOENT) return {};
            throw errno_error("open", errno);
        }
        struct stat status{};
        if (::fstat(file.get(), &status) != 0) throw errno_error("stat", errno);
        if (!S_ISREG(status.st_mode)) return {};
        return file;
    }

    static UniqueFd open_temporaries(int root) {
        UniqueFd folder = walk(root, kTemporaryFolder, true);
        if (!folder.is_open()) throw errno_error("make the folder for temporary files", ENOENT);
        const Dir entries(::fdopendir(::openat(folder.get(), ".", kFolderFlags)));
        while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
            struct stat status{};
            if (::fstatat(folder.get(), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISREG(status.st_mode) && status.st_mtime + kTemporaryMaxAge < std::time(nullptr)) {
                ::unlinkat(folder.get(), entry->d_name, 0);
            }
        }
        return folder;
    }

    static std::uint64_t copy_in(int file, const Source& source, const CancelToken& cancel) {
        const auto buffer = std::make_unique_for_overwrite<char[]>(kBuffer);
        std::uint64_t size = 0;
        while (true) {
            cancel.throw_if_cancelled();
            const std::size_t piece = source(buffer.get(), kBuffer);
            if (piece == 0) return size;
            write_all(file, {buffer.get(), piece});
            size += piece;
        }
    }

    // A concurrent remove() may take an empty folder away between making it and using it: then again.
    static void place(int root, const std::string& path, Temporary& file, bool only_if_absent) {
        const std::size_t slash = path.rfind('/');
        const std::string leaf = path.substr(slash == std::string::npos ? 0 : slash + 1);
        for (int attempt = 1;; ++attempt) {
            const UniqueFd parent =
                slash == std::string::npos ? UniqueFd(::dup(root)) : walk(root, path.substr(0, slash), true);
            if (parent.is_open() && file.rename_to(parent.get(), leaf, only_if_absent)) {
                sync(parent.get(), "fsync of the folder");
                return;
            }
            const int error = parent.is_open() ? errno : ENOENT;
            if (error == ENOENT && attempt < kPlaceAttempts) continue;
            if (error == EEXIST && only_if_absent) {
                throw Error(ErrorKind::kAlreadyExists, "there is such an object already");
            }
            if (error == EISDIR || error == ENOTEMPTY || error == EEXIST) {
                throw Error(
                    ErrorKind::kFailedPrecondition,
                    "other objects lie below that key: in a file store it cannot be an object itself");
            }
            throw errno_error("rename", error);
        }
    }

    void remove_empty_folders(int root, std::string path) const {
        while (true) {
            const std::size_t slash = path.rfind('/');
            if (slash == std::string::npos) return;
            path.resize(slash);
            if (path.size() <= prefix_.size()) return;
            if (::unlinkat(root, path.c_str(), AT_REMOVEDIR) != 0) return;
        }
    }

    // `base` is the folder's key with a '/' at its end, or "". A folder sorts as its name with '/' does,
    // which is the order of the keys.
    static void list_folder(int folder, const std::string& base, std::string_view prefix,
                            const std::function<void(const ObjectStat&)>& visit, const CancelToken& cancel) {
        cancel.throw_if_cancelled();
        std::vector<std::string> names;
        {
            const Dir entries(::fdopendir(::openat(folder, ".", kFolderFlags)));
            if (!entries) throw errno_error("read the folder '" + base + "'", errno);
            while (const dirent* entry = ::readdir(entries.get())) {
                const std::string name = entry->d_name;
                if (name == "." || name == ".." || name == kTemporaryFolder) continue;
                struct stat status{};
                if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
                if (S_ISDIR(status.st_mode)) names.push_back(name + "/");
                if (S_ISREG(status.st_mode)) names.push_back(name);
            }
        }
        std::sort(names.begin(), names.end());
        for (const std::string& name : names) {
            const std::string key = base + name;
            const bool is_folder = name.back() == '/';
            const bool matches = key.starts_with(prefix);
            if (!matches && !(is_folder && prefix.starts_with(key))) continue;
            if (is_folder) {
                const std::string plain = name.substr(0, name.size() - 1);
                const UniqueFd below(::openat(folder, plain.c_str(), kFolderFlags));
                if (below.is_open()) list_folder(below.get(), key, prefix, visit, cancel);
                continue;
            }
            struct stat status{};
            if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
                visit(to_stat(key, status));
        }
    }

    template <typename Work>
    std::invoke_result_t<Work> traced(std::string_view verb, std::string_view key, Work work) const {
        try {
            return work();
        } catch (Error& error) {
            error.add_trace(std::string(verb) + " '" + std::string(key) + "' in " + description());
            throw;
        }
    }

    std::string folder_;
    std::string prefix_;
};

}  // namespace

std::unique_ptr<Location> open_file_location(std::string folder, std::string_view prefix) {
    return std::make_unique<FileLocation>(std::move(folder), prefix);
}

std::unique_ptr<Location> open_file_location(std::string folder) {
    return open_file_location(std::move(folder), "");
}

}  // namespace fencepost::location
