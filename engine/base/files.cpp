#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost {

void UniqueFd::reset(int fd) noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
}

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw errno_error("pipe", errno);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

UniqueFd open_file(const std::filesystem::path& path, int flags, unsigned mode) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, static_cast<mode_t>(mode));
    if (fd < 0) throw errno_error("open " + path.string(), errno);
    return UniqueFd(fd);
}

std::size_t read_some(int fd, char* buffer, std::size_t size) {
    for (;;) {
        const ssize_t got = ::read(fd, buffer, size);
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) throw errno_error("read", errno);
    }
}

void write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(fd, bytes.data(), bytes.size());
        if (put >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(put));
        } else if (errno != EINTR) {
            throw errno_error("write", errno);
        }
    }
}

std::string read_file(const std::filesystem::path& path, std::size_t limit) {
    const UniqueFd file = open_file(path, O_RDONLY);
    std::string bytes;
    std::array<char, 65536> buffer;
    try {
        while (const std::size_t got = read_some(file.get(), buffer.data(), buffer.size())) {
            if (bytes.size() + got > limit) {
                throw Error(ErrorKind::kTooLarge,
                            "the file is larger than " + std::to_string(limit) + " bytes");
            }
            bytes.append(buffer.data(), got);
        }
    } catch (Error& e) {
        e.add_trace(path.string());
        throw;
    }
    return bytes;
}

void write_file_durably(const std::filesystem::path& path, std::string_view bytes, unsigned mode) {
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    const std::filesystem::path temporary =
        folder / ("." + path.filename().string() + "." + random_name_suffix(8));
    try {
        const UniqueFd file = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
        write_all(file.get(), bytes);
        if (::fsync(file.get()) != 0) throw errno_error("fsync", errno);
        if (::rename(temporary.c_str(), path.c_str()) != 0) throw errno_error("rename", errno);
    } catch (Error& e) {
        ::unlink(temporary.c_str());
        e.add_trace("write " + path.string());
        throw;
    }
    const UniqueFd directory = open_file(folder, O_RDONLY | O_DIRECTORY);
    if (::fsync(directory.get()) != 0) throw errno_error("fsync " + folder.string(), errno);
}

}  // namespace fencepost
