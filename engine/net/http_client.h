// An HTTP client: one thread serves libcurl's multi handle, callers block. Bodies stream both ways with
// bounded memory. Proxies come from the request, else from the usual environment variables; TLS is verified
// unless told otherwise; redirects are not followed (credentials must not travel), the caller sees the 3xx.
//
// Errors: Error{kUnavailable} for what a retry may cure (refused, reset, DNS, TLS handshake cut), kTimeout at
// the deadline, kInvalid for a malformed URL, kForbidden for a certificate that does not verify. An HTTP
// status >= 400 is no Error here: callers know what it means. Cancellation throws Cancelled and closes the
// connection. Thread safety: request() may be called from any number of threads at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"

namespace fencepost::net {

using Headers = std::vector<std::pair<std::string, std::string>>;  // names compare without case

struct TlsOptions {
    bool verify = true;
    std::string ca_bundle_pem;  // in addition to the system's; empty: the system's alone
    std::string client_certificate_pem;
    std::string client_key_pem;
    std::string server_name;  // asked for and verified in place of the URL's host, where set
};

struct HttpRequest {
    std::string method = "GET";
    std::string url;  // http:, https:, or unix:/path/to/socket:/path
    Headers headers;
    std::string body;  // ignored where body_source is set
    // Fills the buffer, returns how much; 0 ends. REQUIRES body_size, or the body goes out chunked.
    std::function<std::size_t(char* buffer, std::size_t size)> body_source;
    std::optional<std::uint64_t> body_size;
    // Where set, gets the response's bytes as they come (on the caller's thread) if the status is 2xx; other
    // bodies are collected in HttpResponse::body. Throwing from it ends the request with that exception.
    std::function<void(std::string_view bytes)> body_sink;
    TlsOptions tls;
    std::string proxy;  // "http://[user:password@]host[:port]", also for this host; "": the environment's
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds idle_timeout{60'000};  // no byte either way for so long: kTimeout
    Deadline deadline = kNoDeadline;
};

struct HttpResponse {
    int status = 0;
    Headers headers;
    std::string body;  // at most kMaxResponseBody where there is no sink
    [[nodiscard]] std::string_view header(std::string_view name) const noexcept;  // "" where absent
};

inline constexpr std::size_t kMaxResponseBody = std::size_t{64} << 20U;

// What an answer that is no success is an Error of, by its status alone.
[[nodiscard]] ErrorKind error_kind_of(int status) noexcept;

class HttpClient {
  public:
    virtual ~HttpClient() = default;
    [[nodiscard]] virtual HttpResponse request(HttpRequest request, const CancelToken& cancel) = 0;
};

[[nodiscard]] std::unique_ptr<HttpClient> make_http_client();

}  // namespace fencepost::net
