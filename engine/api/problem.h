// Errors as RFC 9457 problem documents. Handlers throw: Error (its kind decides the status), or Problem where
// the status or the causes are the handler's own knowledge. The router turns both into answers. Thread
// safety: values and pure functions.
#pragma once

#include <exception>
#include <string>
#include <vector>

#include "base/error.h"
#include "net/http_server.h"

namespace fencepost::api {

// One thing that is wrong with a request's body; the pointer is a JSON pointer into it ("/subject/name").
struct Cause {
    std::string pointer;
    std::string detail;
    std::string hint;
};

class Problem : public std::exception {
  public:
    Problem(int status, std::string detail, std::string hint = {}, std::vector<Cause> causes = {})
        : status_(status), detail_(std::move(detail)), hint_(std::move(hint)), causes_(std::move(causes)) {}
    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
    [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
    [[nodiscard]] const std::vector<Cause>& causes() const noexcept { return causes_; }
    [[nodiscard]] const char* what() const noexcept override { return detail_.c_str(); }

  private:
    int status_;
    std::string detail_;
    std::string hint_;
    std::vector<Cause> causes_;
};

[[nodiscard]] int http_status(ErrorKind kind) noexcept;
[[nodiscard]] std::string_view status_title(int status) noexcept;
[[nodiscard]] net::ServerResponse to_response(const Problem& problem);
// What goes with a status whatever the body's format: Retry-After, WWW-Authenticate.
void add_status_headers(net::ServerResponse& response);
[[nodiscard]] net::ServerResponse to_response(const Error& error);

}  // namespace fencepost::api
