#include "archive/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "archive/segment.h"
#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"

namespace fencepost::archive {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolder = ".fencepost-spool";
constexpr std::string_view kTemporary = "tmp-";
constexpr std::chrono::hours kLeftBehind{1};  // no writer takes so long for a segment

fs::path folder_of(const fs::path& file) {
    const fs::path folder = file.parent_path();
    return folder.empty() ? "." : folder;
}

void sync_folder(const fs::path& folder) {
    const UniqueFd handle = open_file(folder, O_RDONLY | O_DIRECTORY);
    if (::fsync(handle.get()) != 0) throw errno_error("fsync " + folder.string(), errno);
}

}  // namespace

Spool::Spool(const fs::path& target) : target_(target), folder_(folder_of(target) / kFolder) {}

bool Spool::take(const WalName& name, std::optional<std::uint64_t> system) const {
    const fs::path file = waiting(name.text);
    if (!fs::exists(file)) return false;
    try {
        const UniqueFd handle = open_file(file, O_RDONLY);
        std::string beginning(kSegmentHeaderBytes, '\0');
        beginning.resize(read_some(handle.get(), beginning.data(), beginning.size()));
        const SegmentHeader header = check_segment(name, beginning, fs::file_size(file));
        if (system && header.system != *system) throw Error(ErrorKind::kDataLoss, "it is of another cluster");
        fs::rename(file, target_);
    } catch (const Error&) {  // then the archive's is taken
        ::unlink(file.c_str());
        return false;
    } catch (const fs::filesystem_error&) {  // another one took it
        return false;
    }
    sync_folder(folder_of(target_));
    return true;
}

void Spool::write(const fs::path& to, const std::function<void(const location::Sink&)>& write) const {
    if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST)
        throw errno_error("make the folder " + folder_.string(), errno);
    const fs::path temporary = folder_ / (std::string(kTemporary) + random_name_suffix(16));
    const UniqueFd file = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
    try {
        write([&](std::string_view bytes) { write_all(file.get(), bytes); });
        if (::fsync(file.get()) != 0) throw errno_error("fsync " + temporary.string(), errno);
        if (::rename(temporary.c_str(), to.c_str()) != 0)
            throw errno_error("rename to " + to.string(), errno);
    } catch (...) {
        ::unlink(temporary.c_str());
        throw;
    }
    sync_folder(folder_of(to));
}

void Spool::keep_only(const std::set<std::string>& names) const {
    std::error_code ignored;  // others tidy here too
    for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
        const std::string name = entry.path().filename().string();
        if (names.contains(name)) continue;
        const auto written = fs::last_write_time(entry.path(), ignored);
        if (name.starts_with(kTemporary) && fs::file_time_type::clock::now() - written < kLeftBehind)
            continue;
        ::unlink(entry.path().c_str());
    }
}

void remove_spool_after_recovery(const fs::path& wal_file) {
    const fs::path folder = folder_of(wal_file) / kFolder;
    std::error_code ignored;
    if (!fs::exists(folder, ignored)) return;
    for (const char* signal : {"standby.signal", "recovery.signal"}) {
        if (fs::exists(data_folder_of(wal_file) / signal, ignored)) return;
    }
    fs::remove_all(folder, ignored);
}

}  // namespace fencepost::archive
