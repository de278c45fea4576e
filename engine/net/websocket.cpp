#include "net/websocket.h"

#include <chrono>
#include <memory>
#include <utility>

namespace fencepost::net {
namespace {

constexpr std::chrono::seconds kGoodbye{2};  // for the last messages and the client's own goodbye
constexpr std::uint16_t kNormal = 1000;
constexpr std::uint16_t kInternalError = 1011;

class ServerSocket final : public WebSocket {
  public:
    explicit ServerSocket(WebSocketStream& stream) : stream_(stream) {}

    std::optional<std::string> read(const CancelToken& cancel) override {
        return stream_.read(cancel, kNoDeadline);
    }
    void write(std::string message) override {
        if (!stream_.write(std::move(message), {})) throw Cancelled(CancelReason::kUser);
    }
    // Returns when the client has answered, is gone, or takes too long.
    void close(std::uint16_t code) {
        stream_.close(code);
        (void)stream_.end(std::chrono::steady_clock::now() + kGoodbye);
    }

  private:
    WebSocketStream& stream_;
};

}  // namespace

void serve_websocket(RawConnection connection, const ServerRequest& request,
                     const WebSocketUpgrade& upgrade) {
    const std::shared_ptr<WebSocketStream> stream = make_websocket_stream(std::move(connection));
    const CancelCallback on_cancel = request.cancel.on_cancel([stream] { stream->abandon(); });
    if (!stream->accept(request, upgrade.protocol)) return;
    ServerSocket socket(*stream);
    try {
        upgrade.use(socket);
    } catch (...) {
        socket.close(kInternalError);
        throw;
    }
    socket.close(kNormal);
}

}  // namespace fencepost::net
