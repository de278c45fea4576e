// One end of a WebSocket (RFC 6455) over a connection that somebody else has made: what the server's side
// (websocket.h) and the client's (websocket_client.h) have in common. Whole binary messages both ways; at
// most kSocketWindow bytes wait in either direction.
//
// Reading alone decides how a connection has ended: what the other end sent before it went is still read,
// also where nothing can be written any more. Pings are answered, and sent every 10 s; who answers none for a
// minute is gone. Two things are no silence: messages here that nobody reads, and messages there that were
// sent after the last answer, for who does not take them does not see the ping behind them.
//
// Thread safety: read() by one thread at a time, all else from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "net/http_client.h"
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
inline constexpr std::chrono::milliseconds kPingInterval{10'000};
inline constexpr int kMissedPings = 6;

// A connection, lent. All of it is called on the io thread, and calls back there.
struct RawConnection {
    using Done = std::function<void(const boost::system::error_code& failed, std::size_t size)>;
    boost::asio::io_context& io;
    std::function<void(char* buffer, std::size_t size, Done done)> read_some;
    std::function<void(const char* bytes, std::size_t size, Done done)> write_some;
    std::function<void()> close;
    std::function<void()> on_end;  // the other end has said goodbye or is gone
};

// The request asks for a WebSocket.
[[nodiscard]] bool is_websocket_request(const ServerRequest& request);

struct SocketEnd {
    std::optional<std::uint16_t>
        close_code;      // of the goodbye; nullopt: there was none, the connection is lost
    std::string reason;  // the other end's, or what was seen
};

class WebSocketStream {
  public:
    virtual ~WebSocketStream() = default;

    // --- one of them, once, before anything else
    // Answers a client's handshake; false where that is no use.
    [[nodiscard]] virtual bool accept(const ServerRequest& request, const std::string& protocol) = 0;
    // A client's handshake: the server's answer. The WebSocket is open where its status is 101. Throws
    // Error{kUnavailable, kTimeout} and Cancelled.
    [[nodiscard]] virtual HttpResponse connect(const std::string& host, const std::string& target,
                                               const Headers& headers, Deadline deadline,
                                               const CancelToken& cancel) = 0;

    // The next message; nullopt once the connection has ended, and at the deadline. Throws Cancelled.
    [[nodiscard]] virtual std::optional<std::string> read(const CancelToken& cancel, Deadline deadline) = 0;
    // Blocks while the other end is slow; false once the connection has ended. Throws Cancelled.
    [[nodiscard]] virtual bool write(std::string message, const CancelToken& cancel) = 0;
    // Says goodbye after what was written, in the background.
    virtual void close(std::uint16_t code) = 0;
    // Nobody waits any longer.
    virtual void abandon() = 0;
    // Waits for the end; nullopt where it does not come before `until`.
    [[nodiscard]] virtual std::optional<SocketEnd> end(SteadyTime until) = 0;
};

[[nodiscard]] std::shared_ptr<WebSocketStream> make_websocket_stream(
    RawConnection connection, std::chrono::milliseconds ping_interval = kPingInterval);

}  // namespace fencepost::net
