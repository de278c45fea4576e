#include "cluster/local/pods/log_reader.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <deque>
#include <optional>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"

namespace fencepost::cluster::local {
namespace {

constexpr std::chrono::milliseconds kFollowPause{20};

// One record of the log: a whole line or a piece of one.
struct Record {
    std::string_view time;
    std::string_view text;
    bool is_whole = true;
};

std::optional<Record> parse(std::string_view line) {
    const std::size_t time_end = line.find(' ');
    if (time_end == std::string_view::npos) return std::nullopt;
    const std::size_t stream_end = line.find(' ', time_end + 1);
    if (stream_end == std::string_view::npos || stream_end + 2 >= line.size() || line[stream_end + 2] != ' ')
        return std::nullopt;
    return Record{line.substr(0, time_end), line.substr(stream_end + 3), line[stream_end + 1] == 'F'};
}

bool is_present(const std::filesystem::path& path) {
    std::error_code none;
    return std::filesystem::exists(path, none);
}

// Turns records into what the caller sees: tail, since, timestamps and the byte limit.
class Output {
  public:
    Output(const LogOptions& options, const std::function<void(std::string_view)>& sink)
        : options_(options), sink_(sink) {}

    void line(std::string_view raw) {
        const auto record = parse(raw);
        if (!record) return;
        if (options_.since && parse_rfc3339(record->time) < *options_.since) return;
        std::string text;
        if (options_.timestamps && is_line_start_) text.append(record->time).append(" ");
        text.append(record->text);
        if (record->is_whole) text.push_back('\n');
        if (!is_tailing_) {
            emit(text);
        } else if (is_line_start_) {
            tail_.push_back(std::move(text));
            if (static_cast<std::int64_t>(tail_.size()) > *options_.tail_lines) tail_.pop_front();
        } else if (!tail_.empty()) {
            tail_.back() += text;
        }
        is_line_start_ = record->is_whole;
    }
    void start_tail() { is_tailing_ = options_.tail_lines.has_value(); }
    void end_tail() {
        for (const std::string& text : tail_) emit(text);
        tail_.clear();
        is_tailing_ = false;
    }
    void flush() {
        if (!pending_.empty()) sink_(pending_);
        pending_.clear();
    }
    [[nodiscard]] bool is_full() const { return options_.limit_bytes && sent_ >= *options_.limit_bytes; }

  private:
    void emit(std::string_view text) {
        if (options_.limit_bytes) {
            text = text.substr(
                0, static_cast<std::size_t>(std::max<std::int64_t>(0, *options_.limit_bytes - sent_)));
        }
        sent_ += static_cast<std::int64_t>(text.size());
        pending_.append(text);
        if (pending_.size() > 65536) flush();
    }

    const LogOptions& options_;
    const std::function<void(std::string_view)>& sink_;
    std::deque<std::string> tail_;
    std::string pending_;
    bool is_tailing_ = false;
    bool is_line_start_ = true;
    std::int64_t sent_ = 0;
};

// A log file that is read to its present end, again and again.
class Source {
  public:
    explicit Source(const std::filesystem::path& path) : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    [[nodiscard]] bool is_open() const { return file_.is_open(); }
    void read(Output& output) {
        std::array<char, 65536> buffer;
        while (const std::size_t got = read_some(file_.get(), buffer.data(), buffer.size())) {
            rest_.append(buffer.data(), got);
            std::size_t from = 0;
            for (std::size_t to = 0; (to = rest_.find('\n', from)) != std::string::npos; from = to + 1) {
                if (output.is_full()) return;
                output.line(std::string_view(rest_).substr(from, to - from));
            }
            rest_.erase(0, from);
        }
    }
    // The file that has the path's name now is another one.
    [[nodiscard]] bool was_rotated(const std::filesystem::path& path) const {
        struct stat mine{}, named{};
        return ::fstat(file_.get(), &mine) == 0 && ::stat(path.c_str(), &named) == 0 &&
               mine.st_ino != named.st_ino;
    }

  private:
    UniqueFd file_;
    std::string rest_;
};

}  // namespace

void read_container_log(const std::filesystem::path& path, const LogOptions& options,
                        const std::function<void(std::string_view)>& sink,
                        const std::function<bool()>& is_over, const CancelToken& cancel) {
    Output output(options, sink);
    output.start_tail();
    int oldest = 0;
    while (is_present(path.string() + "." + std::to_string(oldest + 1))) ++oldest;
    for (int age = oldest; age > 0 && !output.is_full(); --age) {
        Source rotated(path.string() + "." + std::to_string(age));
        if (rotated.is_open()) rotated.read(output);
    }
    std::optional<Source> current(path);
    if (current->is_open()) current->read(output);
    output.end_tail();
    output.flush();
    while (options.follow && !output.is_full()) {
        const bool was_over = is_over();  // asked before reading: what came before it is read after it
        if (!current->is_open()) current.emplace(path);
        if (current->is_open()) {
            const bool is_old = current->was_rotated(path);
            current->read(output);
            if (is_old) {
                current.emplace(path);
                if (current->is_open()) current->read(output);
            }
        }
        output.flush();
        if (was_over) return;
        if (!cancel.wait_for(kFollowPause)) cancel.throw_if_cancelled();
    }
}

}  // namespace fencepost::cluster::local
