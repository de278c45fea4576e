// An HTTP/1.1 server on Boost.Beast: one thread serves the sockets, handlers run on a small pool and may
// block. A response is a whole body, a stream that the handler writes piece by piece (watch, logs,
// server-sent events), or a WebSocket. Limits: header and body size, requests at once, idle time. TLS 1.3 and
// mTLS where the options carry certificates.
//
// Errors: a handler that throws Error or Cancelled is the handler's mistake and answers 500; api/ maps errors
// itself. Thread safety: stop() may be called from any thread; handlers run on many threads at once.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/log.h"
#include "net/http_client.h"

namespace fencepost::net {

struct ServerRequest {
    std::string method;
    std::string target;  // path and query as sent
    std::string path;    // percent-decoded
    std::string query;   // not decoded, without the '?'
    Headers headers;
    std::string body;
    std::string peer;                     // "127.0.0.1:5" or "unix"
    std::optional<unsigned> peer_uid;     // over a Unix socket: whose process it is
    std::string client_certificate_name;  // the common name of a verified client certificate
    CancelToken cancel;                   // fires when the client goes away or the server stops
    [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
    [[nodiscard]] std::string query_parameter(std::string_view name) const;  // decoded; "" where absent
    [[nodiscard]] bool has_query_parameter(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> query_parameters(std::string_view name) const;  // repeated ones
};

// Writes a streamed body. write() blocks while the client is slow and throws Cancelled once it has gone.
class ResponseStream {
  public:
    virtual ~ResponseStream() = default;
    virtual void write(std::string_view bytes) = 0;
};

// The connection goes on as a WebSocket of that subprotocol for as long as `use` runs.
class WebSocket;
struct WebSocketUpgrade {
    std::string protocol;
    std::function<void(WebSocket&)> use;
};

struct ServerResponse {
    int status = 200;
    Headers headers;
    std::string body;
    std::function<void(ResponseStream&)> stream;  // where set, the body is chunked and written by it
    std::optional<WebSocketUpgrade> websocket;    // where set, all of the above is ignored
};

using Handler = std::function<ServerResponse(const ServerRequest&)>;

struct ServerOptions {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;   // 0 picks a free one
    std::string unix_socket;  // a path; then host and port are ignored
    std::string certificate_pem;
    std::string key_pem;
    std::string client_ca_pem;
    bool requires_client_certificate = true;  // where there is a client_ca_pem; else it may be left out
    std::size_t max_header_bytes = std::size_t{64} * 1024;
    std::size_t max_body_bytes = std::size_t{8} << 20U;
    std::size_t max_requests_at_once = 256;  // above: 503 with Retry-After
    std::chrono::seconds idle_timeout{120};
};

class HttpServer {
  public:
    virtual ~HttpServer() = default;  // stops
    [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;
    virtual void stop() = 0;  // no new requests; cancels the running ones and waits for them
    // For the connections to come. Throws Error{kInvalid} and keeps what there is. REQUIRES: it serves TLS.
    virtual void use_certificates(const std::string& certificate_pem, const std::string& key_pem,
                                  const std::string& client_ca_pem) = 0;
};

// Listens before it returns; Error{kFailedPrecondition} if the address is taken.
[[nodiscard]] std::unique_ptr<HttpServer> start_http_server(const ServerOptions& options, Handler handler,
                                                            Log& log);

}  // namespace fencepost::net
