#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "archive/segment.h"
#include "archive/spool.h"
#include "archive/wal.h"
#include "archive/zstd_stream.h"
#include "base/error.h"
#include "base/files.h"

namespace fencepost::archive {
namespace {

// A WAL file that is read from its beginning as often as it is asked for.
class WalFile {
  public:
    explicit WalFile(const std::filesystem::path& path) : file_(open_file(path, O_RDONLY)) {
        struct stat status{};
        if (::fstat(file_.get(), &status) != 0) throw errno_error("stat", errno);
        if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::kInvalid, "it is no regular file");
        if (status.st_size == 0) throw Error(ErrorKind::kDataLoss, "the file is empty");
        bytes_ = static_cast<std::uint64_t>(status.st_size);
    }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t read(char* buffer, std::size_t size, std::uint64_t at) const {
        const ssize_t got = ::pread(file_.get(), buffer, size, static_cast<off_t>(at));
        if (got < 0) throw errno_error("read", errno);
        return static_cast<std::size_t>(got);
    }
    [[nodiscard]] std::string beginning() const {
        std::string bytes(kSegmentHeaderBytes, '\0');
        bytes.resize(read(bytes.data(), bytes.size(), 0));
        return bytes;
    }
    [[nodiscard]] location::Source compressed() const {
        const auto plain = [this, at = std::uint64_t{0}](char* buffer, std::size_t size) mutable {
            const std::size_t got = read(buffer, size, at);
            at += got;
            if (got == 0 && at != bytes_)
                throw Error(ErrorKind::kDataLoss, "the file shrank while it was read");
            return got;
        };
        return compressing(plain, bytes_);
    }

  private:
    UniqueFd file_;
    std::uint64_t bytes_ = 0;
};

bool is_same(const Store& store, const std::string& key, const WalFile& file, const CancelToken& cancel) {
    bool is_equal = true;
    std::uint64_t at = 0;
    std::string own;
    Decompression stored(
        [&](std::string_view bytes) {
            own.resize(bytes.size());
            own.resize(file.read(own.data(), own.size(), at));
            is_equal = is_equal && own == bytes;
            at += bytes.size();
        },
        std::uint64_t{1} << 31U);
    store.location().get(key, [&](std::string_view bytes) { stored.feed(bytes); }, cancel);
    stored.finish();
    return is_equal && at == file.bytes();
}

// Histories and backup labels do not tell whose they are: the data folder that they lie in does.
void check_owner(const Store& store, const WalName& name, const WalFile& file,
                 const std::filesystem::path& path, const CancelToken& cancel) {
    if (name.kind == WalKind::kSegment || name.kind == WalKind::kPartial) {
        const SegmentHeader header = check_segment(name, file.beginning(), file.bytes());
        return store.claim({.system = header.system, .segment_bytes = header.segment_bytes}, cancel);
    }
    const auto system = system_of_data_folder(data_folder_of(path));
    if (!system) return;
    if (const auto known = store.identity(cancel)) store.check_system(*known, *system);
}

}  // namespace

Pushed push_wal(const Store& store, const std::filesystem::path& path, const CancelToken& cancel) {
    const auto name = WalName::parse(path.filename().string());
    if (!name) {
        throw Error(ErrorKind::kInvalid, "'" + path.string() + "' is no name of a WAL file",
                    "archive_command has the path from PostgreSQL: fencepost wal push %p");
    }
    try {
        const WalFile file(path);
        check_owner(store, *name, file, path, cancel);
        const std::string key = store.wal_key(*name);
        Pushed pushed = Pushed::kStored;
        if (!store.put_new(key, [&] { return file.compressed(); }, cancel)) {
            if (!is_same(store, key, file, cancel)) {
                throw Error(
                    ErrorKind::kAlreadyExists,
                    store.description() + " has another " + name->text + " already, which stays",
                    "does a second server archive here, such as a restored copy of this one that went on "
                    "in the same timeline? Give one of them a --prefix of its own");
            }
            pushed = Pushed::kWasThere;
        }
        remove_spool_after_recovery(path);
        return pushed;
    } catch (Error& error) {
        error.add_trace("archive " + path.string());
        throw;
    }
}

}  // namespace fencepost::archive
