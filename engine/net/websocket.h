// The server's side of a WebSocket (RFC 6455): whole binary messages both ways over a connection that began
// as an HTTP request. A handler asks for one with ServerResponse::websocket; the HTTP server then hands over
// its connection and runs the handler's function on the handler's thread.
//
// Pings are answered and an idle client is asked for a sign of life meanwhile. At most kSocketWindow bytes
// wait in either direction: a slow peer slows the other one down. Thread safety: read() by one thread at a
// time, write() from any thread.
#pragma once

#include <optional>
#include <string>

#include "base/cancel.h"
#include "net/http_server.h"
#include "net/websocket_stream.h"

namespace fencepost::net {

class WebSocket {
  public:
    virtual ~WebSocket() = default;
    // The next message, text or binary; nullopt once the client has said goodbye or is gone. Throws
    // Cancelled.
    [[nodiscard]] virtual std::optional<std::string> read(const CancelToken& cancel) = 0;
    // Blocks while the client is slow; throws Cancelled once it is gone.
    virtual void write(std::string message) = 0;
};

// Answers the handshake, runs `use` on the calling thread and says goodbye. REQUIRES: not the io thread.
void serve_websocket(RawConnection connection, const ServerRequest& request, const WebSocketUpgrade& upgrade);

}  // namespace fencepost::net
