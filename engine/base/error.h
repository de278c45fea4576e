// What every failure in Fencepost is: an Error with a kind (which decides retry and HTTP status; nobody
// matches on text), a message that says what, where and what to do, and a trace that callers add to while it
// unwinds:
//
//     try { dump(); } catch (Error& e) { e.add_trace("phase 'dump' of action 'backup'"); throw; }
//
// The user sees the chain outermost first. Cancellation is not an Error: see cancel.h.
// Thread safety: an Error is a value; share it as you would a std::string.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fencepost {

enum class ErrorKind {
    kInvalid,  // the caller's input is wrong; never retried
    kNotFound,
    kAlreadyExists,
    kConflict,            // somebody else changed it first; read again and retry
    kGone,                // a watch position or cursor that is no longer kept
    kFailedPrecondition,  // the state of the world forbids it now (e.g. a fence is already there)
    kUnauthorized,
    kForbidden,
    kUnsupported,
    kTooLarge,
    kExhausted,  // disk full, quota, too many requests
    kTimeout,
    kUnavailable,  // the peer cannot be reached or answers 5xx; worth a retry
    kDataLoss,     // a checksum or a structure is wrong
    kInternal,
};

[[nodiscard]] std::string_view to_string(ErrorKind kind) noexcept;

// A place in a text: 1-based line and column (columns count bytes); file may be empty.
struct Position {
    std::string file;
    int line = 0;
    int column = 0;
};

class Error : public std::exception {
  public:
    Error(ErrorKind kind, std::string message, std::string hint = {});

    [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
    [[nodiscard]] const std::optional<Position>& position() const noexcept { return position_; }
    [[nodiscard]] const std::vector<std::string>& trace() const noexcept { return trace_; }

    // Adds context while unwinding; the last one added is the outermost.
    Error& add_trace(std::string context);
    Error& at(Position position);

    // "outermost: ...: innermost: message"; the hint is not part of it.
    [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }
    [[nodiscard]] bool is_transient() const noexcept {
        return kind_ == ErrorKind::kUnavailable || kind_ == ErrorKind::kTimeout;
    }

  private:
    void compose();
    ErrorKind kind_;
    std::string message_;
    std::string hint_;
    std::optional<Position> position_;
    std::vector<std::string> trace_;
    std::string what_;
};

// Error of errno: picks the kind (ENOSPC, EDQUOT -> kExhausted, ENOENT -> kNotFound ...) and appends
// strerror.
[[nodiscard]] Error errno_error(std::string_view what, int error_number);

}  // namespace fencepost
