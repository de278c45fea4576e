#include "supervisor/log_writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace fencepost::supervisor {
namespace {

std::string now_text() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    tm utc{};
    gmtime_r(&now.tv_sec, &utc);
    std::array<char, 40> text{};
    const std::size_t length = strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    std::array<char, 24> fraction{};
    const int more = snprintf(fraction.data(), fraction.size(), ".%09ldZ", now.tv_nsec);
    return std::string(text.data(), length) + std::string(fraction.data(), static_cast<std::size_t>(more));
}

}  // namespace

LogWriter::LogWriter(std::string path, std::uint64_t file_bytes, std::uint32_t files)
    : path_(std::move(path)), file_bytes_(file_bytes), files_(files == 0 ? 1 : files) {
    open(O_APPEND);
}

LogWriter::~LogWriter() {
    if (fd_ >= 0) ::close(fd_);
}

void LogWriter::open(int flags) {
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    struct stat status{};
    size_ = fd_ >= 0 && ::fstat(fd_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

void LogWriter::write(Stream stream, std::string_view bytes) {
    std::string& pending = pending_[stream == Stream::kStderr];
    const std::string time = now_text();
    while (!bytes.empty()) {
        const std::size_t newline = bytes.find('\n');
        const bool ends = newline != std::string_view::npos;
        std::string_view piece = bytes.substr(0, ends ? newline : bytes.size());
        bytes.remove_prefix(piece.size() + (ends ? 1 : 0));
        while (pending.size() + piece.size() > kMaxPiece) {
            const std::size_t room = kMaxPiece - pending.size();
            pending.append(piece.substr(0, room));
            piece.remove_prefix(room);
            append_piece(stream, 'P', pending, time);
            pending.clear();
        }
        pending.append(piece);
        if (ends) {
            append_piece(stream, 'F', pending, time);
            pending.clear();
        }
    }
    flush();
}

void LogWriter::finish() {
    for (const Stream stream : {Stream::kStdout, Stream::kStderr}) {
        std::string& pending = pending_[stream == Stream::kStderr];
        if (!pending.empty()) append_piece(stream, 'P', pending, now_text());
        pending.clear();
    }
    flush();
}

void LogWriter::append_piece(Stream stream, char tag, std::string_view piece, std::string_view time) {
    if (size_ + buffer_.size() + piece.size() > file_bytes_ && size_ + buffer_.size() > 0) {
        flush();
        rotate();
    }
    buffer_.append(time).append(stream == Stream::kStderr ? " stderr " : " stdout ");
    buffer_.append(1, tag).append(" ").append(piece).push_back('\n');
}

void LogWriter::flush() {
    std::string_view rest = buffer_;
    while (fd_ >= 0 && !rest.empty()) {
        const ssize_t put = ::write(fd_, rest.data(), rest.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            // Not half a line: what was written of this batch goes again, and readers see whole lines only.
            if (::ftruncate(fd_, static_cast<off_t>(size_)) != 0) break;
            buffer_.clear();
            return;
        }
        rest.remove_prefix(static_cast<std::size_t>(put));
    }
    size_ += buffer_.size() - rest.size();
    buffer_.clear();
}

void LogWriter::rotate() {
    for (std::uint32_t age = files_ - 1; age > 0; --age) {
        const std::string older = path_ + "." + std::to_string(age);
        const std::string newer = age == 1 ? path_ : path_ + "." + std::to_string(age - 1);
        if (::rename(newer.c_str(), older.c_str()) != 0 && errno != ENOENT) return;
    }
    if (fd_ >= 0) ::close(fd_);
    if (files_ == 1) ::unlink(path_.c_str());
    open(O_APPEND);
}

}  // namespace fencepost::supervisor
