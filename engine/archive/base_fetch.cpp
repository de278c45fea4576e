#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "archive/base.h"
#include "archive/base_objects.h"
#include "archive/tar.h"
#include "archive/zstd_stream.h"
#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "location/checksum.h"

namespace fencepost::archive {
namespace {

namespace fs = std::filesystem;

constexpr const char* kControlFile = "global/pg_control";
constexpr std::size_t kMaxControlFile = 64 * 1024;

// What root unpacks belongs to who owns the folder: to the user that the server runs as.
class Owner {
  public:
    explicit Owner(const fs::path& folder) {
        if (::stat(folder.c_str(), &folder_) != 0) throw errno_error("stat " + folder.string(), errno);
    }
    void give(int fd, unsigned mode) const {
        if (::geteuid() == 0 && ::fchown(fd, folder_.st_uid, folder_.st_gid) != 0)
            throw errno_error("chown", errno);
        if (::fchmod(fd, static_cast<mode_t>(mode & 0777U)) != 0) throw errno_error("chmod", errno);
    }

  private:
    struct stat folder_{};
};

// Writes the entries below the folder; pg_control it keeps back.
class Unpacker final : public TarVisitor {
  public:
    Unpacker(fs::path folder, const Owner& owner) : folder_(std::move(folder)), owner_(owner) {}

    void begin(const TarEntry& entry) override {
        name_ = entry.name;
        if (name_.empty() || name_ == ".") return;
        check_path();
        if (entry.kind == TarEntry::Kind::kLink) {
            throw Error(ErrorKind::kUnsupported, "the base backup has the symbolic link '" + name_ + "'",
                        "a cluster with tablespaces of its own is none that basebackup push makes");
        }
        is_control_ = name_ == kControlFile;
        if (is_control_) {
            if (entry.bytes > kMaxControlFile) throw Error(ErrorKind::kDataLoss, "pg_control is too large");
            control_mode_ = entry.mode;
        } else if (entry.kind == TarEntry::Kind::kFolder) {
            make_folder(entry.mode);
        } else {
            make_parents();
            file_ = open_file(folder_ / name_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
            owner_.give(file_.get(), entry.mode);
        }
    }
    void data(std::string_view bytes) override {
        if (is_control_) {
            control_ += bytes;
        } else {
            write_all(file_.get(), bytes);
        }
    }
    void end() override {
        file_.reset();
        is_control_ = false;
    }

    void write(const std::string& name, std::string_view bytes) const {
        const UniqueFd file = open_file(folder_ / name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
        owner_.give(file.get(), 0600);
        write_all(file.get(), bytes);
    }
    void write_control() const {
        if (control_.empty()) throw Error(ErrorKind::kDataLoss, "the base backup has no global/pg_control");
        const fs::path file = folder_ / kControlFile;
        write_file_durably(file, control_, 0600);
        owner_.give(open_file(file, O_RDONLY).get(), control_mode_);
    }

  private:
    void check_path() const {
        std::string_view rest = name_;
        while (true) {
            const std::size_t slash = rest.find('/');
            const std::string_view part = rest.substr(0, slash);
            if (part.empty() || part == "." || part == "..") {
                throw Error(
                    ErrorKind::kDataLoss,
                    "the base backup has an entry that leads out of the data folder: '" + name_ + "'");
            }
            if (slash == std::string_view::npos) return;
            rest.remove_prefix(slash + 1);
        }
    }
    void make_folder(unsigned mode) const {
        const fs::path path = folder_ / name_;
        make_parents();
        if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
            throw errno_error("mkdir " + path.string(), errno);
        owner_.give(open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).get(), mode);
    }
    void make_parents() const {
        for (std::size_t at = name_.find('/'); at != std::string::npos; at = name_.find('/', at + 1)) {
            const fs::path path = folder_ / name_.substr(0, at);
            if (::mkdir(path.c_str(), 0700) == 0) {
                owner_.give(open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).get(), 0700);
            } else if (errno != EEXIST) {
                throw errno_error("mkdir " + path.string(), errno);
            }
        }
    }

    fs::path folder_;
    const Owner& owner_;
    std::string name_, control_;
    unsigned control_mode_ = 0600;
    bool is_control_ = false;
    UniqueFd file_;
};

// Made if it is not there; kFailedPrecondition if there is something in it.
void check_empty(const fs::path& folder) {
    if (::mkdir(folder.c_str(), 0700) == 0) return;
    if (errno != EEXIST) throw errno_error("make the folder " + folder.string(), errno);
    std::error_code error;
    const fs::directory_iterator first(folder, error);
    if (error) throw errno_error("list " + folder.string(), error.value());
    if (first == fs::directory_iterator()) return;
    const bool is_unfinished = !fs::exists(folder / kControlFile) && fs::exists(folder / "global");
    throw Error(ErrorKind::kFailedPrecondition, "the folder " + folder.string() + " is not empty",
                is_unfinished
                    ? "a restore was interrupted in it: empty it, then call again"
                    : "a base backup is never written over anything: name another folder, or move what "
                      "is in this one away");
}

void unpack(const Store& store, const BaseRecord& base, Unpacker& unpacker,
            const std::function<void(std::uint64_t)>& on_progress, const CancelToken& cancel) {
    TarReader tar(unpacker);
    location::Sha256 sha256;
    std::uint64_t bytes = 0;
    Decompression plain(
        [&](std::string_view piece) {
            sha256.update(piece);
            tar.feed(piece);
            bytes += piece.size();
            if (on_progress) on_progress(bytes);
        },
        base.bytes);
    store.location().get(
        base_key(store, base.name, kTar), [&](std::string_view piece) { plain.feed(piece); }, cancel);
    plain.finish();
    tar.finish();
    if (hex_encode(location::as_text(sha256.finish())) != base.sha256) {
        throw Error(ErrorKind::kDataLoss, "what is stored does not have the checksum of the backup's record",
                    "take another base backup; the WAL leads on from an older one too");
    }
}

void sync_all(const fs::path& folder) {
    if (::syncfs(open_file(folder, O_RDONLY | O_DIRECTORY).get()) != 0)
        throw errno_error("sync " + folder.string(), errno);
}

}  // namespace

void fetch_base(const Store& store, const BaseRecord& base, const fs::path& folder,
                const std::optional<Recovery>& recovery,
                const std::function<void(std::uint64_t)>& on_progress, const CancelToken& cancel) {
    const std::string settings =
        recovery ? recovery_settings(*recovery) : "";  // refused before anything is written
    if (recovery && recovery->target && *recovery->target < base.finished) {
        throw Error(ErrorKind::kFailedPrecondition,
                    "base backup " + base.name + " was finished at " + format_rfc3339(base.finished) +
                        ", after the time to recover to",
                    "recovery goes forward alone: take an older base backup, as `latest` does by itself");
    }
    check_empty(folder);
    try {
        const Owner owner(folder);
        owner.give(open_file(folder, O_RDONLY | O_DIRECTORY).get(), 0700);
        Unpacker unpacker(folder, owner);
        unpack(store, base, unpacker, on_progress, cancel);
        if (recovery) {
            unpacker.write("postgresql.auto.conf", settings);
            unpacker.write("recovery.signal", "");
            ::unlink((folder / "standby.signal")
                         .c_str());  // of a base from a standby; it would be the stronger one
        }
        sync_all(folder);
        unpacker.write_control();
    } catch (...) {
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator(folder, ignored))
            fs::remove_all(entry.path(), ignored);
        try {
            throw;
        } catch (Error& error) {
            error.add_trace("restore base backup " + base.name + " into " + folder.string());
            throw;
        }
    }
}

}  // namespace fencepost::archive
