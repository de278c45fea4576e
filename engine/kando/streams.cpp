#include "kando/streams.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"

namespace fencepost::kando {

void write_target(const std::string& target, int out,
                  const std::function<void(const location::Sink&)>& pull) {
    if (target == "-") {
        pull([out](std::string_view bytes) { write_all(out, bytes); });
        return;
    }
    struct stat status{};
    const bool exists = ::stat(target.c_str(), &status) == 0;
    if (exists && S_ISDIR(status.st_mode)) {
        throw Error(ErrorKind::kInvalid, "the target '" + target + "' is a folder");
    }
    if (exists && !S_ISREG(status.st_mode)) {
        const UniqueFd file = open_file(target, O_WRONLY);
        pull([&](std::string_view bytes) { write_all(file.get(), bytes); });
        return;
    }
    // The file behind a symbolic link is replaced, not the link.
    const std::filesystem::path path =
        exists ? std::filesystem::canonical(target) : std::filesystem::path(target);
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    const std::filesystem::path temporary =
        folder / ("." + path.filename().string() + "." + random_name_suffix(8));
    const unsigned mode = exists ? status.st_mode & 07777U : 0644U;
    try {
        const UniqueFd file = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
        pull([&](std::string_view bytes) { write_all(file.get(), bytes); });
        if (::fsync(file.get()) != 0) throw errno_error("fsync " + target, errno);
        if (::rename(temporary.c_str(), path.c_str()) != 0) throw errno_error("rename to " + target, errno);
    } catch (...) {
        ::unlink(temporary.c_str());
        throw;
    }
}

}  // namespace fencepost::kando
