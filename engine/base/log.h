// Structured log lines: JSON objects on stderr, or plain text when stderr is a terminal. Written at the four
// boundaries (action runner, HTTP handler, CLI main, reconnect loop) and nowhere else; code below returns or
// throws. Known secrets (redact()) are replaced by *** in every line, also their base64 form. Thread-safe.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace fencepost {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

class Log {
  public:
    using Field = std::pair<std::string_view, std::string>;
    enum class Format { kText, kJson };

    Log(int fd, Format format, LogLevel least);  // the descriptor is borrowed
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    void write(LogLevel level, std::string_view message, std::initializer_list<Field> fields = {});
    void debug(std::string_view message, std::initializer_list<Field> fields = {}) {
        write(LogLevel::kDebug, message, fields);
    }
    void info(std::string_view message, std::initializer_list<Field> fields = {}) {
        write(LogLevel::kInfo, message, fields);
    }
    void warning(std::string_view message, std::initializer_list<Field> fields = {}) {
        write(LogLevel::kWarning, message, fields);
    }
    void error(std::string_view message, std::initializer_list<Field> fields = {}) {
        write(LogLevel::kError, message, fields);
    }
    // Values shorter than 6 bytes are not redacted: they would blank out ordinary text.
    void redact(std::string_view secret);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fencepost
