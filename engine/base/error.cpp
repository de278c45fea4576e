#include "base/error.h"

#include <cerrno>
#include <system_error>
#include <utility>

namespace fencepost {

std::string_view to_string(ErrorKind kind) noexcept {
    switch (kind) {
        case ErrorKind::kInvalid:
            return "Invalid";
        case ErrorKind::kNotFound:
            return "NotFound";
        case ErrorKind::kAlreadyExists:
            return "AlreadyExists";
        case ErrorKind::kConflict:
            return "Conflict";
        case ErrorKind::kGone:
            return "Gone";
        case ErrorKind::kFailedPrecondition:
            return "FailedPrecondition";
        case ErrorKind::kUnauthorized:
            return "Unauthorized";
        case ErrorKind::kForbidden:
            return "Forbidden";
        case ErrorKind::kUnsupported:
            return "Unsupported";
        case ErrorKind::kTooLarge:
            return "TooLarge";
        case ErrorKind::kExhausted:
            return "Exhausted";
        case ErrorKind::kTimeout:
            return "Timeout";
        case ErrorKind::kUnavailable:
            return "Unavailable";
        case ErrorKind::kDataLoss:
            return "DataLoss";
        case ErrorKind::kInternal:
            return "Internal";
    }
    return "Internal";
}

Error::Error(ErrorKind kind, std::string message, std::string hint)
    : kind_(kind), message_(std::move(message)), hint_(std::move(hint)), what_(message_) {}

Error& Error::add_trace(std::string context) {
    trace_.push_back(std::move(context));
    compose();
    return *this;
}

Error& Error::at(Position position) {
    position_ = std::move(position);
    return *this;
}

void Error::compose() {
    what_.clear();
    for (auto it = trace_.rbegin(); it != trace_.rend(); ++it) {
        what_ += *it;
        what_ += ": ";
    }
    what_ += message_;
}

namespace {
ErrorKind kind_of_errno(int error_number) {
    switch (error_number) {
        case ENOENT:
            return ErrorKind::kNotFound;
        case EEXIST:
            return ErrorKind::kAlreadyExists;
        case EACCES:
        case EPERM:
            return ErrorKind::kForbidden;
        case ENOSPC:
        case EDQUOT:
        case EMFILE:
        case ENFILE:
        case ENOMEM:
            return ErrorKind::kExhausted;
        case ETIMEDOUT:
            return ErrorKind::kTimeout;
        case ECONNREFUSED:
        case ECONNRESET:
        case EPIPE:
        case EAGAIN:
        case EHOSTUNREACH:
        case ENETUNREACH:
            return ErrorKind::kUnavailable;
        case EINVAL:
        case ENAMETOOLONG:
            return ErrorKind::kInvalid;
        default:
            return ErrorKind::kInternal;
    }
}
}  // namespace

Error errno_error(std::string_view what, int error_number) {
    return Error{kind_of_errno(error_number),
                 std::string(what) + ": " + std::generic_category().message(error_number)};
}

}  // namespace fencepost
