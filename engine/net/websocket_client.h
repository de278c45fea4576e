// WebSockets (RFC 6455) as a client: one thread serves all connections, callers block. TLS is verified as the
// HTTP client does it. A proxy is the request's alone; it is asked for a tunnel (CONNECT).
//
// What the server has sent before it went is still read. A dead server is noticed by pings that nobody
// answers (see websocket_stream.h). At most kSocketWindow bytes wait in either direction: a slow server slows
// the writer, a slow reader the server.
//
// Errors: Error{kUnavailable} for what a retry may cure (refused, reset, DNS, no WebSocket spoken there),
// kTimeout, kInvalid for a malformed request or certificate, kForbidden for a server's certificate that does
// not verify. Thread safety: connect() may be called from any number of threads at once; of one socket read()
// by one thread at a time, all else from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "net/http_client.h"
#include "net/websocket_stream.h"

namespace fencepost::net {

struct WebSocketRequest {
    std::string url;  // http:, https:, ws: or wss:
    Headers headers;
    std::vector<std::string> protocols;  // offered, the best one first; the server must choose one
    TlsOptions tls;
    std::string proxy;                                  // as HttpRequest::proxy; "": none
    std::chrono::milliseconds connect_timeout{10'000};  // for TCP and TLS
    Deadline deadline = kNoDeadline;                    // for all until the WebSocket is open
    std::chrono::milliseconds ping_interval = kPingInterval;
};

class ClientSocket {
  public:
    virtual ~ClientSocket() = default;  // hangs up, unless close() was called: then in its own time
    [[nodiscard]] virtual const std::string& protocol() const noexcept = 0;  // the server's choice
    // The next message, text or binary; nullopt once the server has said goodbye. Throws Error{kUnavailable}
    // where the connection is lost, Error{kTimeout} at the deadline, Cancelled.
    [[nodiscard]] virtual std::optional<std::string> read(const CancelToken& cancel,
                                                          Deadline deadline = kNoDeadline) = 0;
    // Of the server's goodbye, once there was one.
    [[nodiscard]] virtual std::optional<std::uint16_t> close_code() const = 0;
    // Blocks while the server is slow; false once the connection has ended: read() says how. Throws
    // Cancelled.
    [[nodiscard]] virtual bool write(std::string message, const CancelToken& cancel) = 0;
    virtual void close() = 0;  // says goodbye after what was written, in the background
};

class WebSocketClient {
  public:
    virtual ~WebSocketClient() = default;  // REQUIRES: its sockets are gone
    // The open socket, what the server has answered instead, or why no server could be asked. Throws
    // Cancelled, and Error where nobody knows what the server did.
    struct NotConnected {
        Error why;
    };
    using Answer = std::variant<std::unique_ptr<ClientSocket>, HttpResponse, NotConnected>;
    [[nodiscard]] virtual Answer connect(const WebSocketRequest& request, const CancelToken& cancel) = 0;
};

[[nodiscard]] std::unique_ptr<WebSocketClient> make_websocket_client();

}  // namespace fencepost::net
