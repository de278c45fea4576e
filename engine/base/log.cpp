#include "base/log.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <set>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"

namespace fencepost {

struct Log::Impl {
    int fd;
    Format format;
    LogLevel least;
    std::mutex mutex;
    std::set<std::string, std::less<>> secrets;
};

namespace {

constexpr std::size_t kShortestSecret = 6;

std::string_view level_name(LogLevel level) {
    switch (level) {
        case LogLevel::kDebug:
            return "debug";
        case LogLevel::kInfo:
            return "info";
        case LogLevel::kWarning:
            return "warning";
        case LogLevel::kError:
            return "error";
    }
    return "info";
}

void append_quoted(std::string& line, std::string_view text) {
    line += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            line += '\\';
            line += c;
        } else if (c == '\n') {
            line += "\\n";
        } else if (c == '\t') {
            line += "\\t";
        } else if (byte < 0x20) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04x", byte);
            line += escape.data();
        } else {
            line += c;
        }
    }
    line += '"';
}

void replace_all(std::string& text, std::string_view what) {
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
        text.replace(at, what.size(), "***");
        at += 3;
    }
}

}  // namespace

Log::Log(int fd, Format format, LogLevel least) : impl_(std::make_unique<Impl>()) {
    impl_->fd = fd;
    impl_->format = format;
    impl_->least = least;
}
Log::~Log() = default;

void Log::write(LogLevel level, std::string_view message, std::initializer_list<Field> fields) {
    if (level < impl_->least) return;
    const std::string time = format_rfc3339_nano(
        std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()));
    std::string line;
    if (impl_->format == Format::kJson) {
        line = R"({"time":")" + time + R"(","level":")" + std::string(level_name(level)) + R"(","msg":)";
        append_quoted(line, message);
        for (const auto& [key, value] : fields) {
            line += ',';
            append_quoted(line, key);
            line += ':';
            append_quoted(line, value);
        }
        line += "}\n";
    } else {
        line = time + " " + std::string(level_name(level)) + " " + std::string(message);
        for (const auto& [key, value] : fields) {
            line += ' ';
            line += key;
            line += '=';
            append_quoted(line, value);
        }
        line += '\n';
    }
    std::lock_guard lock(impl_->mutex);
    for (const std::string& secret : impl_->secrets) replace_all(line, secret);
    try {
        write_all(impl_->fd, line);
    } catch (const Error&) {
        // There is nowhere left to say that the log itself cannot be written.
    }
}

void Log::redact(std::string_view secret) {
    if (secret.size() < kShortestSecret) return;
    std::lock_guard lock(impl_->mutex);
    impl_->secrets.emplace(secret);
    impl_->secrets.insert(base64_encode(secret));
}

}  // namespace fencepost
