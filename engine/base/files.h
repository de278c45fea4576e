// File descriptors that close themselves, whole-file reads and writes, and durable replacement of a file.
// All functions throw Error (errno_error) with the path in the message. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace fencepost {

class UniqueFd {
  public:
    UniqueFd() noexcept = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~UniqueFd() { reset(); }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int release() noexcept {
        const int fd = fd_;
        fd_ = -1;
        return fd;
    }
    void reset(int fd = -1) noexcept;

  private:
    int fd_ = -1;
};

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};
[[nodiscard]] Pipe make_pipe();  // both ends close-on-exec

[[nodiscard]] UniqueFd open_file(const std::filesystem::path& path, int flags, unsigned mode = 0644);
// Reads up to `size` bytes (0 = end of file); retries EINTR.
[[nodiscard]] std::size_t read_some(int fd, char* buffer, std::size_t size);
void write_all(int fd, std::string_view bytes);

// Throws kTooLarge above the limit.
[[nodiscard]] std::string read_file(const std::filesystem::path& path,
                                    std::size_t limit = std::size_t{64} << 20U);
// A temporary file beside it, fsync, rename, fsync of the folder: the path holds the old or the new bytes,
// never half.
void write_file_durably(const std::filesystem::path& path, std::string_view bytes, unsigned mode = 0644);

}  // namespace fencepost
