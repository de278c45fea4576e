#include "api/facade/status.h"

#include "api/router.h"
#include "cluster/invalid_object.h"

namespace fencepost::api::facade {
namespace {

bool is_invalid_object(const Error& error) noexcept {
    return dynamic_cast<const cluster::InvalidObject*>(&error) != nullptr;
}

std::string_view reason_of(const Error& error) noexcept {
    switch (error.kind()) {
        case ErrorKind::kInvalid:
            return is_invalid_object(error) ? "Invalid" : "BadRequest";
        case ErrorKind::kNotFound:
            return "NotFound";
        case ErrorKind::kAlreadyExists:
            return "AlreadyExists";
        case ErrorKind::kConflict:
            return "Conflict";
        case ErrorKind::kGone:
            return "Expired";
        case ErrorKind::kFailedPrecondition:
            return "Conflict";
        case ErrorKind::kUnauthorized:
            return "Unauthorized";
        case ErrorKind::kForbidden:
            return "Forbidden";
        case ErrorKind::kUnsupported:
            return "MethodNotAllowed";
        case ErrorKind::kTooLarge:
            return "RequestEntityTooLarge";
        case ErrorKind::kTimeout:
            return "Timeout";
        case ErrorKind::kExhausted:
        case ErrorKind::kUnavailable:
            return "ServiceUnavailable";
        case ErrorKind::kDataLoss:
        case ErrorKind::kInternal:
            return "InternalError";
    }
    return "InternalError";
}

std::string_view reason_of(int status) noexcept {
    switch (status) {
        case 400:
            return "BadRequest";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "NotFound";
        case 405:
            return "MethodNotAllowed";
        case 409:
            return "Conflict";
        case 410:
            return "Expired";
        case 413:
            return "RequestEntityTooLarge";
        case 415:
            return "UnsupportedMediaType";
        case 422:
            return "Invalid";
        case 429:
            return "TooManyRequests";
        case 503:
            return "ServiceUnavailable";
        case 504:
            return "Timeout";
        default:
            return "InternalError";
    }
}

Value status(std::string_view outcome) {
    Value body;
    body["kind"] = "Status";
    body["apiVersion"] = "v1";
    body["metadata"] = Map{};
    body["status"] = outcome;
    return body;
}

Value details_of(const Target& target) {
    Value details;
    details["name"] = target.name;
    if (!target.type.type.group.empty()) details["group"] = target.type.type.group;
    details["kind"] = target.type.type.resource;
    return details;
}

}  // namespace

int status_code(const Error& error) noexcept {
    switch (error.kind()) {
        case ErrorKind::kInvalid:
            return is_invalid_object(error) ? 422 : 400;
        case ErrorKind::kUnsupported:
            return 405;
        case ErrorKind::kExhausted:
            return 503;
        default:
            return http_status(error.kind());
    }
}

Value failure_status(int code, std::string_view reason, std::string_view message) {
    Value body = status("Failure");
    body["message"] = message;
    body["reason"] = reason;
    body["code"] = code;
    return body;
}

Value failure_status(const Error& error, const Target* target) {
    const int code = status_code(error);
    Value body = failure_status(code, reason_of(error), error.what());
    if (target != nullptr) body["details"] = details_of(*target);
    if (const auto* invalid = dynamic_cast<const cluster::InvalidObject*>(&error)) {
        body["details"]["kind"] = invalid->object_kind();
        body["details"]["name"] = invalid->object_name();
        Value cause;
        cause["reason"] = "FieldValueInvalid";
        cause["field"] = invalid->field();
        cause["message"] = invalid->why();
        body["details"]["causes"].push_back(std::move(cause));
    }
    return body;
}

Value success_status(const Target& target, std::string_view uid) {
    Value body = status("Success");
    body["details"] = details_of(target);
    body["details"]["uid"] = uid;
    return body;
}

net::ServerResponse problem_as_status(const Problem& problem) {
    const std::string message = problem.detail() + (problem.hint().empty() ? "" : "; " + problem.hint());
    net::ServerResponse response = json_response(
        failure_status(problem.status(), reason_of(problem.status()), message), problem.status());
    add_status_headers(response);
    return response;
}

}  // namespace fencepost::api::facade
