// A container's output as a CRI log: "<RFC 3339 time> stdout F line\n", pieces of a line that is too long or
// has no end marked P. Rotates by size. A log that cannot be written (a full disk) loses lines, never holds
// up the container. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fencepost::supervisor {

class LogWriter {
  public:
    enum class Stream { kStdout, kStderr };
    static constexpr std::size_t kMaxPiece = 16384;

    LogWriter(std::string path, std::uint64_t file_bytes, std::uint32_t files);
    LogWriter(const LogWriter&) = delete;
    LogWriter& operator=(const LogWriter&) = delete;
    ~LogWriter();
    void write(Stream stream, std::string_view bytes);
    void finish();  // writes what had no newline at its end

  private:
    void append_piece(Stream stream, char tag, std::string_view piece, std::string_view time);
    void flush();
    void rotate();
    void open(int flags);

    std::string path_;
    std::uint64_t file_bytes_;
    std::uint32_t files_;
    std::string pending_[2];
    std::string buffer_;
    std::uint64_t size_ = 0;
    int fd_ = -1;
};

}  // namespace fencepost::supervisor
