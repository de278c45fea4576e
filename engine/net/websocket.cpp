#include "net/websocket.h"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <utility>

#include "base/error.h"
#include "base/guarded.h"

namespace fencepost::net {
namespace layer {

namespace asio = boost::asio;
using boost::system::error_code;

// The HTTP server's connection as Beast wants a stream.
class Stream {
  public:
    using executor_type = asio::io_context::executor_type;
    explicit Stream(RawConnection connection) : connection_(std::move(connection)) {}

    executor_type get_executor() noexcept { return connection_.io.get_executor(); }
    void close() { connection_.close(); }

    template <typename Buffers, typename Handler>
    auto async_read_some(const Buffers& buffers, Handler&& token) {
        const auto start = [this](auto handler, asio::mutable_buffer buffer) {
            connection_.read_some(static_cast<char*>(buffer.data()), buffer.size(),
                                  shared(std::move(handler)));
        };
        return asio::async_initiate<Handler, void(error_code, std::size_t)>(
            start, token, first<asio::mutable_buffer>(buffers));
    }
    template <typename Buffers, typename Handler>
    auto async_write_some(const Buffers& buffers, Handler&& token) {
        const auto start = [this](auto handler, asio::const_buffer buffer) {
            connection_.write_some(static_cast<const char*>(buffer.data()), buffer.size(),
                                   shared(std::move(handler)));
        };
        return asio::async_initiate<Handler, void(error_code, std::size_t)>(
            start, token, first<asio::const_buffer>(buffers));
    }

  private:
    // "Some" may be the first buffer that holds anything.
    template <typename Buffer, typename Buffers>
    static Buffer first(const Buffers& buffers) {
        for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at) {
            if (Buffer(*at).size() > 0) return *at;
        }
        return {};
    }
    // Handlers can only be moved, functions want to be copied.
    template <typename Handler>
    static RawConnection::Done shared(Handler handler) {
        return [kept = std::make_shared<Handler>(std::move(handler))](
                   const error_code& failed, std::size_t size) { std::move (*kept)(failed, size); };
    }

    RawConnection connection_;
};

void teardown(boost::beast::role_type, Stream& stream, error_code& failed) {
    stream.close();
    failed = {};
}
template <typename Handler>
void async_teardown(boost::beast::role_type, Stream& stream, Handler&& handler) {
    stream.close();
    asio::post(stream.get_executor(),
               boost::beast::bind_handler(std::forward<Handler>(handler), error_code{}));
}
void beast_close_socket(Stream& stream) { stream.close(); }

}  // namespace layer

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

constexpr std::chrono::seconds kGoodbye{2};  // for the last messages and the client's own goodbye

http::request<http::empty_body> handshake_of(const ServerRequest& request) {
    http::request<http::empty_body> message{http::verb::get, request.target, 11};
    for (const auto& [name, value] : request.headers) message.insert(name, value);
    return message;
}

class Socket final : public WebSocket, public std::enable_shared_from_this<Socket> {
  public:
    Socket(RawConnection connection, const ServerRequest& request)
        : io_(connection.io),
          on_gone_(std::move(connection.on_gone)),
          handshake_(handshake_of(request)),
          stream_(layer::Stream(std::move(connection))) {
        stream_.binary(true);
        stream_.auto_fragment(false);
        stream_.read_message_max(kMaxSocketMessage);
        stream_.set_option(beast::websocket::stream_base::timeout::suggested(beast::role_type::server));
    }

    // False where the client's handshake was refused.
    [[nodiscard]] bool accept(const std::string& protocol) {
        stream_.set_option(
            beast::websocket::stream_base::decorator([protocol](beast::websocket::response_type& response) {
                if (!protocol.empty()) response.set(http::field::sec_websocket_protocol, protocol);
            }));
        asio::post(io_, [self = shared_from_this()] {
            self->stream_.async_accept(self->handshake_, [self](error_code failed) {
                if (failed) return self->gone();
                self->read_next();
                auto state = self->state_.lock();
                state->is_open = true;
                state.notify_all();
            });
        });
        auto state = state_.lock();
        state.wait([&] { return state->is_open || state->is_gone; });
        return !state->is_gone;
    }

    std::optional<std::string> read(const CancelToken& cancel) override {
        const CancelCallback wake =
            cancel.on_cancel([self = shared_from_this()] { self->state_.lock().notify_all(); });
        auto state = state_.lock();
        state.wait([&] { return !state->incoming.empty() || state->is_gone || cancel.is_cancelled(); });
        cancel.throw_if_cancelled();
        if (state->incoming.empty()) return std::nullopt;
        std::string message = std::move(state->incoming.front());
        state->incoming.pop_front();
        state->incoming_bytes -= message.size();
        if (state->is_read_paused && state->incoming_bytes < kSocketWindow) {
            state->is_read_paused = false;
            asio::post(io_, [self = shared_from_this()] { self->read_next(); });
        }
        return message;
    }

    void write(std::string message) override {
        {
            auto state = state_.lock();
            state.wait([&] {
                return state->is_gone || state->outgoing_bytes == 0 ||
                       state->outgoing_bytes + message.size() <= kSocketWindow;
            });
            if (state->is_gone) throw Cancelled(CancelReason::kUser);
            state->outgoing_bytes += message.size();
        }
        asio::post(io_, [self = shared_from_this(), message = std::move(message)]() mutable {
            self->outgoing_.push_back(std::move(message));
            if (self->outgoing_.size() == 1) self->write_next();
        });
    }

    // Nobody waits any longer, and nothing more is sent.
    void abandon() {
        auto state = state_.lock();
        state->is_gone = true;
        state.notify_all();
    }

    // What was written goes out first. Returns when the client has answered, is gone, or takes too long.
    void close(beast::websocket::close_code why) {
        asio::post(io_, [self = shared_from_this(), why] {
            self->closing_ = why;
            if (self->outgoing_.empty()) self->say_goodbye();
        });
        auto state = state_.lock();
        (void)state.wait_until(std::chrono::steady_clock::now() + kGoodbye, [&] { return state->is_gone; });
    }

  private:
    struct State {
        std::deque<std::string> incoming;
        std::size_t incoming_bytes = 0;
        std::size_t outgoing_bytes = 0;
        bool is_read_paused = false;
        bool is_open = false;
        bool is_gone = false;
    };

    // --- on the io thread
    void read_next() {
        stream_.async_read(buffer_, [self = shared_from_this()](error_code failed, std::size_t) {
            if (failed) return self->gone();
            self->received();
        });
    }
    void received() {
        std::string message = beast::buffers_to_string(buffer_.data());
        buffer_.consume(buffer_.size());
        {
            auto state = state_.lock();
            state->incoming_bytes += message.size();
            state->incoming.push_back(std::move(message));
            state.notify_all();
            state->is_read_paused = state->incoming_bytes >= kSocketWindow;
            if (state->is_read_paused) return;
        }
        read_next();
    }
    void write_next() {
        stream_.async_write(asio::buffer(outgoing_.front()),
                            [self = shared_from_this()](error_code failed, std::size_t) {
                                failed ? self->gone() : self->sent();
                            });
    }
    void sent() {
        {
            auto state = state_.lock();
            state->outgoing_bytes -= outgoing_.front().size();
            state.notify_all();
        }
        outgoing_.pop_front();
        if (!outgoing_.empty()) return write_next();
        if (closing_) say_goodbye();
    }
    void say_goodbye() {
        stream_.async_close(*closing_, [self = shared_from_this()](error_code) { self->gone(); });
    }
    void gone() {
        {
            auto state = state_.lock();
            if (std::exchange(state->is_gone, true)) return;
            state.notify_all();
        }
        on_gone_();
    }

    asio::io_context& io_;
    const std::function<void()> on_gone_;
    const http::request<http::empty_body> handshake_;
    beast::websocket::stream<layer::Stream, false> stream_;
    beast::flat_buffer buffer_;
    std::deque<std::string> outgoing_;
    std::optional<beast::websocket::close_code> closing_;
    Guarded<State> state_;
};

}  // namespace

bool is_websocket_request(const ServerRequest& request) {
    return beast::websocket::is_upgrade(handshake_of(request));
}

void serve_websocket(RawConnection connection, const ServerRequest& request,
                     const WebSocketUpgrade& upgrade) {
    const auto socket = std::make_shared<Socket>(std::move(connection), request);
    const CancelCallback on_cancel = request.cancel.on_cancel([socket] { socket->abandon(); });
    if (!socket->accept(upgrade.protocol)) return;
    try {
        upgrade.use(*socket);
    } catch (...) {
        socket->close(beast::websocket::close_code::internal_error);
        throw;
    }
    socket->close(beast::websocket::close_code::normal);
}

}  // namespace fencepost::net
