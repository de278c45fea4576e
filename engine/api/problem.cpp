#include "api/problem.h"

#include "value/json.h"
#include "value/value.h"

namespace fencepost::api {

int http_status(ErrorKind kind) noexcept {
    switch (kind) {
        case ErrorKind::kInvalid:
            return 400;
        case ErrorKind::kNotFound:
            return 404;
        case ErrorKind::kAlreadyExists:
        case ErrorKind::kConflict:
        case ErrorKind::kFailedPrecondition:
            return 409;
        case ErrorKind::kGone:
            return 410;
        case ErrorKind::kUnauthorized:
            return 401;
        case ErrorKind::kForbidden:
            return 403;
        case ErrorKind::kUnsupported:
            return 501;
        case ErrorKind::kTooLarge:
            return 413;
        case ErrorKind::kExhausted:
            return 507;
        case ErrorKind::kTimeout:
            return 504;
        case ErrorKind::kUnavailable:
            return 503;
        case ErrorKind::kDataLoss:
        case ErrorKind::kInternal:
            return 500;
    }
    return 500;
}

std::string_view status_title(int status) noexcept {
    switch (status) {
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 415:
            return "Unsupported Media Type";
        case 422:
            return "Unprocessable Content";
        case 429:
            return "Too Many Requests";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 507:
            return "Insufficient Storage";
        default:
            return "Internal Server Error";
    }
}

void add_status_headers(net::ServerResponse& response) {
    if (response.status == 429 || response.status == 503) response.headers.emplace_back("Retry-After", "1");
    if (response.status == 401)
        response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"fencepost\"");
}

net::ServerResponse to_response(const Problem& problem) {
    Value body;
    body["type"] = "about:blank";
    body["title"] = status_title(problem.status());
    body["status"] = problem.status();
    body["detail"] = problem.detail();
    if (!problem.hint().empty()) body["hint"] = problem.hint();
    for (const Cause& cause : problem.causes()) {
        Value item;
        item["pointer"] = cause.pointer;
        item["detail"] = cause.detail;
        if (!cause.hint.empty()) item["hint"] = cause.hint;
        body["causes"].push_back(std::move(item));
    }
    net::ServerResponse response;
    response.status = problem.status();
    response.headers = {{"Content-Type", "application/problem+json"}};
    response.body = to_json(body) + "\n";
    add_status_headers(response);
    return response;
}

net::ServerResponse to_response(const Error& error) {
    return to_response(Problem(http_status(error.kind()), error.what(), error.hint()));
}

}  // namespace fencepost::api
