// The server's side of a WebSocket (RFC 6455): whole binary messages both ways over a connection that began
// as an HTTP request. A handler asks for one with ServerResponse::websocket; the HTTP server then hands over
// its connection and runs the handler's function on the handler's thread.
//
// Pings are answered and an idle client is asked for a sign of life meanwhile. At most kSocketWindow bytes
// wait in either direction: a slow peer slows the other one down. Thread safety: read() by one thread at a
// time, write() from any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "net/http_server.h"

namespace boost::asio {
class io_context;
}
namespace boost::system {
class error_code;
}

namespace fencepost::net {

inline constexpr std::size_t kSocketWindow = std::size_t{256} * 1024;
inline constexpr std::size_t kMaxSocketMessage = std::size_t{8} << 20U;  // a longer one ends the connection

class WebSocket {
  public:
    virtual ~WebSocket() = default;
    // The next message, text or binary; nullopt once the client has said goodbye or is gone. Throws
    // Cancelled.
    [[nodiscard]] virtual std::optional<std::string> read(const CancelToken& cancel) = 0;
    // Blocks while the client is slow; throws Cancelled once it is gone.
    virtual void write(std::string message) = 0;
};

// The request asks for a WebSocket.
[[nodiscard]] bool is_websocket_request(const ServerRequest& request);

// What the HTTP server lends: its connection. All of it is called on the io thread, and calls back there.
struct RawConnection {
    using Done = std::function<void(const boost::system::error_code& failed, std::size_t size)>;
    boost::asio::io_context& io;
    std::function<void(char* buffer, std::size_t size, Done done)> read_some;
    std::function<void(const char* bytes, std::size_t size, Done done)> write_some;
    std::function<void()> close;
    std::function<void()> on_gone;  // the client has said goodbye or is gone
};

// Answers the handshake, runs `use` on the calling thread and says goodbye. REQUIRES: not the io thread.
void serve_websocket(RawConnection connection, const ServerRequest& request, const WebSocketUpgrade& upgrade);

}  // namespace fencepost::net
