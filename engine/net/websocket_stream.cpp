#include "net/websocket_stream.h"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <charconv>
#include <deque>
#include <utility>

#include "base/error.h"
#include "base/guarded.h"

namespace fencepost::net {
namespace layer {

namespace asio = boost::asio;
using boost::system::error_code;

// What passes below Beast's frames. The io thread's.
struct Wire {
    bool has_heard = false;  // bytes came since the last look
    bool is_deaf = false;    // the other end takes no more bytes
    std::function<void()> on_deaf;
};

// The connection as Beast wants a stream. A write that fails is none to Beast, which would not read any
// longer what the other end has sent before.
class Stream {
  public:
    using executor_type = asio::io_context::executor_type;
    Stream(RawConnection connection, Wire& wire) : connection_(std::move(connection)), wire_(&wire) {}

    executor_type get_executor() noexcept { return connection_.io.get_executor(); }
    void close() { connection_.close(); }

    template <typename Buffers, typename Handler>
    auto async_read_some(const Buffers& buffers, Handler&& token) {
        const auto start = [this](auto handler, asio::mutable_buffer buffer) {
            const auto done = [wire = wire_, handler = shared(std::move(handler))](const error_code& failed,
                                                                                   std::size_t size) {
                if (size > 0) wire->has_heard = true;
                std::move (*handler)(failed, size);
            };
            connection_.read_some(static_cast<char*>(buffer.data()), buffer.size(), done);
        };
        return asio::async_initiate<Handler, void(error_code, std::size_t)>(
            start, token, first<asio::mutable_buffer>(buffers));
    }
    template <typename Buffers, typename Handler>
    auto async_write_some(const Buffers& buffers, Handler&& token) {
        const auto start = [this](auto handler, asio::const_buffer buffer) {
            const std::size_t whole = buffer.size();
            const auto done = [wire = wire_, whole, handler = shared(std::move(handler))](
                                  const error_code& failed, std::size_t size) {
                if (failed && !std::exchange(wire->is_deaf, true)) wire->on_deaf();
                std::move (*handler)(error_code{}, failed ? whole : size);
            };
            if (wire_->is_deaf) return asio::post(connection_.io, [done, whole] { done({}, whole); });
            connection_.write_some(static_cast<const char*>(buffer.data()), whole, done);
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
    static std::shared_ptr<Handler> shared(Handler handler) {
        return std::make_shared<Handler>(std::move(handler));
    }

    RawConnection connection_;
    Wire* wire_;  // outlives every operation: the Socket that owns both is held by them
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
using std::chrono::steady_clock;

constexpr std::chrono::seconds kAnswerTime{60};  // for the other end's part of a handshake or a goodbye

http::request<http::empty_body> handshake_of(const ServerRequest& request) {
    http::request<http::empty_body> message{http::verb::get, request.target, 11};
    for (const auto& [name, value] : request.headers) message.insert(name, value);
    return message;
}

class Socket final : public WebSocketStream, public std::enable_shared_from_this<Socket> {
  public:
    Socket(RawConnection connection, std::chrono::milliseconds ping_interval)
        : io_(connection.io),
          ping_interval_(ping_interval),
          on_end_(std::move(connection.on_end)),
          stream_(layer::Stream(std::move(connection), wire_)),
          timer_(io_) {
        stream_.binary(true);
        stream_.auto_fragment(false);
        stream_.read_message_max(kMaxSocketMessage);
        // Beast's own idle time would count what is only not read here.
        stream_.set_option(beast::websocket::stream_base::timeout{
            kAnswerTime, beast::websocket::stream_base::none(), false});
        wire_.on_deaf = [this] { read_the_rest(); };
    }

    bool accept(const ServerRequest& request, const std::string& protocol) override {
        stream_.set_option(
            beast::websocket::stream_base::decorator([protocol](beast::websocket::response_type& response) {
                if (!protocol.empty()) response.set(http::field::sec_websocket_protocol, protocol);
            }));
        asio::post(io_, [self = shared_from_this(), handshake = handshake_of(request)] {
            self->stream_.async_accept(handshake, [self](error_code failed) { self->opened(failed); });
        });
        auto state = state_.lock();
        state.wait([&] { return state->is_open || state->end; });
        return state->is_open;  // also where it has ended since: what came before is to be read
    }

    HttpResponse connect(const std::string& host, const std::string& target, const Headers& headers,
                         Deadline deadline, const CancelToken& cancel) override {
        stream_.set_option(
            beast::websocket::stream_base::decorator([headers](beast::websocket::request_type& request) {
                for (const auto& [name, value] : headers) request.set(name, value);
            }));
        asio::post(io_, [self = shared_from_this(), host, target] {
            self->stream_.async_handshake(self->answer_, host, target,
                                          [self](error_code failed) { self->answered(failed); });
        });
        const CancelCallback wake = wake_on(cancel);
        auto state = state_.lock();
        const bool is_done =
            state.wait_until(deadline, [&] { return state->answer || state->end || cancel.is_cancelled(); });
        if (state->answer) return *std::exchange(state->answer, std::nullopt);
        cancel.throw_if_cancelled();
        if (!is_done) throw Error(ErrorKind::kTimeout, "no answer to the WebSocket's handshake");
        throw Error(state->has_timed_out ? ErrorKind::kTimeout : ErrorKind::kUnavailable, state->end->reason);
    }

    std::optional<std::string> read(const CancelToken& cancel, Deadline deadline) override {
        const CancelCallback wake = wake_on(cancel);
        auto state = state_.lock();
        (void)state.wait_until(
            deadline, [&] { return !state->incoming.empty() || state->end || cancel.is_cancelled(); });
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

    bool write(std::string message, const CancelToken& cancel) override {
        const CancelCallback wake = wake_on(cancel);
        {
            auto state = state_.lock();
            state.wait([&] {
                return state->end || cancel.is_cancelled() || state->outgoing_bytes == 0 ||
                       state->outgoing_bytes + message.size() <= kSocketWindow;
            });
            cancel.throw_if_cancelled();
            if (state->end) return false;
            state->outgoing_bytes += message.size();
        }
        asio::post(io_, [self = shared_from_this(), message = std::move(message)]() mutable {
            self->outgoing_.push_back(std::move(message));
            if (self->outgoing_.size() == 1) self->write_next();
        });
        return true;
    }

    void close(std::uint16_t code) override {
        asio::post(io_, [self = shared_from_this(), code] {
            self->closing_ = beast::websocket::close_code(code);
            self->limit_goodbye();
            if (self->outgoing_.empty()) self->say_goodbye();
        });
    }

    void abandon() override {
        auto state = state_.lock();
        if (!state->end) state->end = SocketEnd{std::nullopt, "it was given up here"};
        state.notify_all();
    }

    std::optional<SocketEnd> end(SteadyTime until) override {
        auto state = state_.lock();
        (void)state.wait_until(until, [&] { return state->end.has_value(); });
        return state->end;
    }

  private:
    struct State {
        std::deque<std::string> incoming;
        std::size_t incoming_bytes = 0;
        std::size_t outgoing_bytes = 0;
        bool is_read_paused = false;
        bool is_open = false;
        bool has_timed_out = false;
        std::optional<HttpResponse> answer;
        std::optional<SocketEnd> end;
    };

    CancelCallback wake_on(const CancelToken& cancel) {
        return cancel.on_cancel([self = shared_from_this()] { self->state_.lock().notify_all(); });
    }

    // --- on the io thread
    void opened(error_code failed) {
        if (failed) return gone(failed);
        stream_.control_callback([this](beast::websocket::frame_type kind, beast::string_view payload) {
            if (kind == beast::websocket::frame_type::pong) heard_pong(payload);
        });
        read_next();
        wait_for_silence();
        auto state = state_.lock();
        state->is_open = true;
        state.notify_all();
    }
    void answered(error_code failed) {
        const bool has_answer = !failed || failed == beast::websocket::error::upgrade_declined;
        if (has_answer) {
            auto state = state_.lock();
            state->answer.emplace();
            state->answer->status = static_cast<int>(answer_.result_int());
            for (const auto& field : answer_)
                state->answer->headers.emplace_back(field.name_string(), field.value());
            state->answer->body = std::move(answer_.body());
        }
        opened(failed);
    }

    void read_next() {
        stream_.async_read(buffer_, [self = shared_from_this()](error_code failed, std::size_t) {
            if (failed) return self->gone(failed);
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
            state->is_read_paused = state->incoming_bytes >= kSocketWindow && !wire_.is_deaf;
            if (state->is_read_paused) return;
        }
        read_next();
    }
    // Of a broken connection only the kernel's buffer is left to read, and its end to be seen.
    void read_the_rest() {
        {
            auto state = state_.lock();
            if (!std::exchange(state->is_read_paused, false)) return;
        }
        read_next();
    }

    void write_next() {
        ++messages_sent_;
        stream_.async_write(asio::buffer(outgoing_.front()),
                            [self = shared_from_this()](error_code failed, std::size_t) {
                                failed ? self->gone(failed) : self->sent();
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
    // The other end may not even take what was written.
    void limit_goodbye() {
        timer_.expires_after(kAnswerTime);
        timer_.async_wait([weak = weak_from_this()](error_code cancelled) {
            const auto self = weak.lock();
            if (!cancelled && self) self->stream_.next_layer().close();
        });
    }
    void say_goodbye() {
        stream_.async_close(*closing_, [self = shared_from_this()](error_code failed) {
            self->gone(failed ? failed : beast::websocket::error::closed);
        });
    }

    // --- signs of life
    void wait_for_silence() {
        timer_.expires_after(ping_interval_);
        timer_.async_wait([weak = weak_from_this()](error_code cancelled) {
            const auto self = weak.lock();
            if (!cancelled && self) self->listen();
        });
    }
    void listen() {
        if (closing_) return;
        const bool is_excused = state_.lock()->is_read_paused || messages_answered_ != messages_sent_;
        silent_intervals_ = std::exchange(wire_.has_heard, false) || is_excused ? 0 : silent_intervals_ + 1;
        if (silent_intervals_ > kMissedPings) {
            ended({std::nullopt, "the other end answers no pings"});
            return stream_.next_layer().close();
        }
        wait_for_silence();
        if (std::exchange(is_pinging_, true)) return;
        stream_.async_ping(beast::websocket::ping_data(std::to_string(messages_sent_)),
                           [self = shared_from_this()](error_code) { self->is_pinging_ = false; });
    }
    // A pong names the last message before its ping.
    void heard_pong(beast::string_view payload) {
        std::uint64_t number = 0;
        const auto [rest, failed] = std::from_chars(payload.data(), payload.data() + payload.size(), number);
        if (failed == std::errc() && number <= messages_sent_)
            messages_answered_ = std::max(messages_answered_, number);
    }

    void gone(error_code why) {
        if (why == beast::error::timeout) state_.lock()->has_timed_out = true;
        if (why != beast::websocket::error::closed) return ended({std::nullopt, why.message()});
        const beast::websocket::close_reason& reason = stream_.reason();
        ended({static_cast<std::uint16_t>(reason.code), std::string(reason.reason.c_str())});
    }
    void ended(SocketEnd how) {
        timer_.cancel();
        {
            auto state = state_.lock();
            if (state->end) return;
            state->end = std::move(how);
            state.notify_all();
        }
        if (on_end_) on_end_();
    }

    asio::io_context& io_;
    const std::chrono::milliseconds ping_interval_;
    std::function<void()> on_end_;
    layer::Wire wire_;
    beast::websocket::stream<layer::Stream, false> stream_;
    asio::steady_timer timer_;
    http::response<http::string_body> answer_;
    beast::flat_buffer buffer_;
    std::deque<std::string> outgoing_;
    std::optional<beast::websocket::close_code> closing_;
    std::uint64_t messages_sent_ = 0;
    std::uint64_t messages_answered_ = 0;
    int silent_intervals_ = 0;
    bool is_pinging_ = false;
    Guarded<State> state_;
};

}  // namespace

bool is_websocket_request(const ServerRequest& request) {
    return beast::websocket::is_upgrade(handshake_of(request));
}

std::shared_ptr<WebSocketStream> make_websocket_stream(RawConnection connection,
                                                       std::chrono::milliseconds ping_interval) {
    return std::make_shared<Socket>(std::move(connection), ping_interval);
}

}  // namespace fencepost::net
