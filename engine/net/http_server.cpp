#include "net/http_server.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <deque>
#include <optional>
#include <unordered_set>

#include "base/encodings.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "net/handler_pool.h"
#include "net/websocket.h"

namespace fencepost::net {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using Stream = asio::generic::stream_protocol;
using Done = std::function<void(error_code, std::size_t)>;

constexpr std::size_t kWindow = std::size_t{256} * 1024;  // of a streamed body, waiting for a slow client
constexpr std::size_t kReadPiece = std::size_t{16} * 1024;
constexpr std::size_t kMaxConnections = 4096;
constexpr std::chrono::seconds kGoodbye{2};  // for the last bytes when the server stops

// --- bytes to and from a client: plain or TLS, TCP or unix socket

class Transport {
  public:
    virtual ~Transport() = default;
    virtual void open(std::function<void(error_code)> done) = 0;
    virtual void read_some(asio::mutable_buffer buffer, Done done) = 0;
    virtual void write_some(asio::const_buffer buffer, Done done) = 0;
    virtual void close() noexcept = 0;
    // Once open: the common name of the certificate that the client has shown and that was verified.
    [[nodiscard]] virtual std::string certificate_name() const { return {}; }
};

class PlainTransport final : public Transport {
  public:
    explicit PlainTransport(Stream::socket socket) : socket_(std::move(socket)) {}
    void open(std::function<void(error_code)> done) override { done({}); }
    void read_some(asio::mutable_buffer buffer, Done done) override {
        socket_.async_read_some(buffer, std::move(done));
    }
    void write_some(asio::const_buffer buffer, Done done) override {
        socket_.async_write_some(buffer, std::move(done));
    }
    void close() noexcept override {
        error_code ignored;
        socket_.shutdown(Stream::socket::shutdown_both, ignored);
        socket_.close(ignored);
    }

  private:
    Stream::socket socket_;
};

using TlsContext = std::shared_ptr<asio::ssl::context>;

// "" where there is none, or where it has a NUL in it.
std::string common_name_of(const X509* certificate) {
    X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0) return {};
    unsigned char* text = nullptr;
    const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size < 0) return {};
    std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    return name.find('\0') == std::string::npos ? name : std::string();
}

class TlsTransport final : public Transport {
  public:
    TlsTransport(Stream::socket socket, TlsContext context)
        : context_(std::move(context)), stream_(std::move(socket), *context_) {}
    void open(std::function<void(error_code)> done) override {
        stream_.async_handshake(asio::ssl::stream_base::server, std::move(done));
    }
    void read_some(asio::mutable_buffer buffer, Done done) override {
        stream_.async_read_some(buffer, std::move(done));
    }
    void write_some(asio::const_buffer buffer, Done done) override {
        stream_.async_write_some(buffer, std::move(done));
    }
    void close() noexcept override {
        error_code ignored;
        stream_.next_layer().shutdown(Stream::socket::shutdown_both, ignored);
        stream_.next_layer().close(ignored);
    }
    std::string certificate_name() const override {
        // OpenSSL's handle is not const, but this only reads.
        SSL* ssl = const_cast<asio::ssl::stream<Stream::socket>&>(stream_).native_handle();
        const X509* certificate = SSL_get0_peer_certificate(ssl);
        if (certificate == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return {};
        return common_name_of(certificate);
    }

  private:
    TlsContext context_;
    asio::ssl::stream<Stream::socket> stream_;
};

// --- answers as bytes

std::string http_date() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[40];
    return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

ServerResponse problem(int status, std::string_view detail) {
    const std::string title(http::obsolete_reason(static_cast<http::status>(status)));
    ServerResponse response;
    response.status = status;
    response.headers = {{"Content-Type", "application/problem+json"}};
    response.body = R"({"type":"about:blank","title":")" + title + R"(","status":)" + std::to_string(status) +
                    R"(,"detail":")" + std::string(detail) + "\"}\n";
    return response;
}

enum class Framing { kLength, kChunked, kUntilClose };

std::string head_of(const ServerResponse& response, Framing framing, bool keep_alive) {
    std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
    head += http::obsolete_reason(static_cast<http::status>(response.status));
    head += "\r\nDate: " + http_date() + "\r\n";
    for (const auto& [name, value] : response.headers) {
        if (name.empty() || (name + value).find_first_of(std::string("\r\n\0", 3)) != std::string::npos) {
            throw Error(ErrorKind::kInternal,
                        "the response header '" + name + "' has a line break or no name");
        }
        head += name + ": " + value + "\r\n";
    }
    const bool has_no_body = response.status == 204 || response.status == 304;
    if (framing == Framing::kChunked) head += "Transfer-Encoding: chunked\r\n";
    if (framing == Framing::kLength && !has_no_body) {
        head += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
    }
    if (!keep_alive) head += "Connection: close\r\n";
    return head + "\r\n";
}

// What all sessions share. Lives as long as the server.
struct Context {
    Context(const ServerOptions& what, Handler answer, Log& where)
        : options(what), handler(std::move(answer)), log(where) {}
    const ServerOptions options;
    const Handler handler;
    Log& log;
    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
    CancelSource stop;
    HandlerPool pool;
    // The io thread's:
    TlsContext tls;  // null: plain
    std::size_t active = 0;
    bool stopping = false;
};

// --- one connection. Everything but answer() runs on the io thread.

// Who is at the other end of a connection.
struct Peer {
    std::string address;
    std::optional<unsigned> uid;
};

class Session : public std::enable_shared_from_this<Session> {
  public:
    Session(Context& context, std::unique_ptr<Transport> transport, Peer peer)
        : context_(context), transport_(std::move(transport)), peer_(std::move(peer)), timer_(context.io) {}

    void start(std::function<void()> on_end) {
        on_end_ = std::move(on_end);
        arm();
        transport_->open(
            [self = shared_from_this()](error_code failed) { failed ? self->close() : self->next(); });
    }

    // The server stops: idle connections end now, busy ones after their answer.
    void stop() {
        keep_alive_ = false;
        if (!request_) close();
    }
    void close() {
        if (closed_) return;
        closed_ = true;
        timer_.cancel();
        if (request_) request_->gone.cancel(CancelReason::kUser);
        for (auto& piece : outgoing_) {
            if (piece.done) piece.done(false);
        }
        outgoing_.clear();
        transport_->close();
        if (on_end_) std::exchange(on_end_, nullptr)();
    }

  private:
    struct Piece {
        std::string bytes;
        std::function<void(bool sent)> done;
    };
    // A request that a handler has, shared with the handler's thread.
    struct Exchange {
        explicit Exchange(const CancelToken& server) : gone(server) {}
        ServerRequest request;
        CancelSource gone;
        bool is_http10 = false;
        bool wants_keep_alive = true;
    };
    class Streamer;
    using Parser = http::request_parser<http::string_body>;

    void arm() {
        timer_.expires_after(context_.options.idle_timeout);
        timer_.async_wait([weak = weak_from_this()](error_code cancelled) {
            const auto self = weak.lock();
            if (!cancelled && self) self->close();
        });
    }

    void next() {
        if (closed_) return;
        if (!keep_alive_ || context_.stopping) return close();
        parser_.emplace();
        parser_->eager(true);
        // Beast looks at the limit when the whole header is there; the unparsed bytes are bounded in parse().
        parser_->header_limit(static_cast<std::uint32_t>(context_.options.max_header_bytes));
        parser_->body_limit(context_.options.max_body_bytes);
        continue_sent_ = false;
        arm();
        parse();
    }

    void parse() {
        error_code failed;
        while (buffer_.size() > 0 && !parser_->is_done()) {
            const std::size_t used = parser_->put(buffer_.data(), failed);
            buffer_.consume(used);
            if (failed == http::error::need_more) {
                failed = {};
                if (used == 0) break;
            }
            if (failed) return refuse(failed);
        }
        if (!parser_->is_header_done() && buffer_.size() > context_.options.max_header_bytes) {
            return refuse(http::error::header_limit);
        }
        if (parser_->is_done()) return dispatch();
        if (parser_->is_header_done()) {
            arm();  // the header has one idle time altogether, the body one for each piece
            expect_continue();
        }
        read([self = shared_from_this()](error_code ended) { ended ? self->close() : self->parse(); });
    }

    void expect_continue() {
        const auto expect = parser_->get().find(http::field::expect);
        if (continue_sent_ || expect == parser_->get().end()) return;
        continue_sent_ = true;
        send("HTTP/1.1 100 Continue\r\n\r\n", nullptr);
    }

    void read(std::function<void(error_code)> then) {
        reading_ = true;
        transport_->read_some(
            buffer_.prepare(kReadPiece),
            [self = shared_from_this(), then = std::move(then)](error_code failed, std::size_t size) {
                self->reading_ = false;
                self->buffer_.commit(size);
                if (!self->closed_) then(failed);
            });
    }

    void refuse(error_code why) {
        keep_alive_ = false;
        is_refused_ = true;
        const auto limit = [](std::size_t bytes) { return std::to_string(bytes) + " bytes"; };
        if (why == http::error::header_limit) {
            whole(problem(431,
                          "the request's header has more than " + limit(context_.options.max_header_bytes)),
                  false);
        } else if (why == http::error::body_limit) {
            whole(problem(413, "the request's body has more than " + limit(context_.options.max_body_bytes)),
                  false);
        } else {
            whole(problem(400, "the request is no valid HTTP/1.1"), false);
        }
    }

    void dispatch() {
        timer_.cancel();
        auto& message = parser_->get();
        keep_alive_ = keep_alive_ && message.keep_alive();
        const bool is_head = message.method() == http::verb::head;
        if (context_.active >= context_.options.max_requests_at_once) {
            ServerResponse busy = problem(503, "too many requests at once");
            busy.headers.emplace_back("Retry-After", "1");
            return whole(busy, is_head);
        }
        auto exchange = std::make_shared<Exchange>(context_.stop.token());
        exchange->is_http10 = message.version() < 11;
        exchange->wants_keep_alive = keep_alive_;
        if (!fill(exchange->request, message)) {
            return whole(problem(400, "the request's path has a broken percent escape"), is_head);
        }
        exchange->request.cancel = exchange->gone.token();
        request_ = exchange;
        ++context_.active;
        // Of one that may become a WebSocket the bytes that follow are its own.
        if (message.find(http::field::upgrade) == message.end()) watch_client();
        context_.pool.run([self = shared_from_this(), exchange] { self->answer(*exchange); });
    }

    bool fill(ServerRequest& request, http::request<http::string_body>& message) const {
        request.method = std::string(message.method_string());
        request.target = std::string(message.target());
        const std::size_t mark = std::min(request.target.find('?'), request.target.size());
        request.query = request.target.substr(std::min(mark + 1, request.target.size()));
        try {
            request.path = url_decode(request.target.substr(0, mark));
            (void)request.has_query_parameter("");  // decodes every name
        } catch (const Error&) {
            return false;
        }
        for (const auto& field : message) {
            request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
        }
        request.body = std::move(message.body());
        request.peer = peer_.address;
        request.peer_uid = peer_.uid;
        request.client_certificate_name = transport_->certificate_name();
        return request.path.find('\0') == std::string::npos;
    }

    // While a handler works: notices that the client has gone. Bytes of a next request are kept.
    void watch_client() {
        if (reading_ || buffer_.size() > 0) return;
        read([self = shared_from_this()](error_code failed) {
            if (!failed) {
                if (!self->request_) self->resume();
                return;
            }
            self->keep_alive_ = false;
            if (failed != asio::error::eof || !self->request_) return self->close();
            self->request_->gone.cancel(CancelReason::kUser);  // half closed: it may still read the answer
        });
    }
    void resume() {
        if (!awaiting_read_) return;
        awaiting_read_ = false;
        next();
    }

    // On a thread of the pool.
    void answer(Exchange& exchange);
    RawConnection raw();

    void whole(const ServerResponse& response, bool is_head) {
        std::string bytes = head_of(response, Framing::kLength, keep_alive_);
        if (!is_head) bytes += response.body;
        send(std::move(bytes), [self = shared_from_this()](bool) { self->answered(); });
    }

    void answered() {
        if (request_) {
            request_.reset();
            --context_.active;
        }
        if (closed_) return;
        if (is_refused_) return drain();
        if (reading_ && keep_alive_ && !context_.stopping) {  // watch_client() is still at it
            awaiting_read_ = true;
            arm();
            return;
        }
        next();
    }

    // Closing with unread bytes would reset the connection, and the client might never see the answer.
    void drain() {
        timer_.expires_after(kGoodbye);
        timer_.async_wait([self = shared_from_this()](error_code) { self->close(); });
        discard();
    }
    void discard() {
        buffer_.clear();
        read([self = shared_from_this()](error_code ended) { ended ? self->close() : self->discard(); });
    }

    void send(std::string bytes, std::function<void(bool)> done) {
        if (closed_) {
            if (done) done(false);
            return;
        }
        outgoing_.push_back({std::move(bytes), std::move(done)});
        if (outgoing_.size() == 1) write();
    }

    void write() {
        arm();
        const std::string& bytes = outgoing_.front().bytes;
        transport_->write_some(asio::buffer(bytes.data() + sent_, bytes.size() - sent_),
                               [self = shared_from_this()](error_code failed, std::size_t size) {
                                   if (self->closed_) return;
                                   if (failed) return self->close();
                                   self->written(size);
                               });
    }

    void written(std::size_t size) {
        sent_ += size;
        if (sent_ < outgoing_.front().bytes.size()) return write();
        sent_ = 0;
        timer_.cancel();
        const auto done = std::move(outgoing_.front().done);
        outgoing_.pop_front();
        if (!outgoing_.empty()) write();
        if (done) done(true);
    }

    Context& context_;
    std::unique_ptr<Transport> transport_;
    const Peer peer_;
    asio::steady_timer timer_;
    boost::beast::flat_buffer buffer_;
    std::optional<Parser> parser_;
    std::shared_ptr<Exchange> request_;
    std::deque<Piece> outgoing_;
    std::size_t sent_ = 0;
    std::function<void()> on_end_;
    bool reading_ = false;
    bool awaiting_read_ = false;
    bool continue_sent_ = false;
    bool keep_alive_ = true;
    bool is_refused_ = false;
    bool closed_ = false;
};

// A streamed body: the handler's thread writes, the io thread sends; at most kWindow bytes are between them.
class Session::Streamer final : public ResponseStream {
  public:
    Streamer(std::shared_ptr<Session> session, CancelToken cancel, bool is_chunked)
        : session_(std::move(session)),
          cancel_(std::move(cancel)),
          is_chunked_(is_chunked),
          state_(std::make_shared<Guarded<State>>()) {
        on_cancel_ = cancel_.on_cancel([state = state_] { break_off(*state); });
    }

    void write(std::string_view bytes) override {
        if (bytes.empty()) return;
        send(is_chunked_ ? framed(bytes) : std::string(bytes));
    }
    void send(std::string bytes) {
        const std::size_t size = bytes.size();
        {
            auto state = state_->lock();
            state.wait(
                [&] { return state->is_broken || state->waiting == 0 || state->waiting + size <= kWindow; });
            if (state->is_broken) throw Cancelled(cancel_.reason().value_or(CancelReason::kUser));
            state->waiting += size;
        }
        asio::post(session_->context_.io,
                   [session = session_, state = state_, size, bytes = std::move(bytes)]() mutable {
                       session->send(std::move(bytes), [state, size](bool sent) {
                           if (!sent) return break_off(*state);
                           auto locked = state->lock();
                           locked->waiting -= size;
                           locked.notify_all();
                       });
                   });
    }

  private:
    struct State {
        std::size_t waiting = 0;
        bool is_broken = false;
    };
    static void break_off(Guarded<State>& state) {
        auto locked = state.lock();
        locked->is_broken = true;
        locked.notify_all();
    }
    static std::string framed(std::string_view bytes) {
        char size[20];
        const int digits = std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
        std::string chunk(size, static_cast<std::size_t>(digits));
        return chunk.append(bytes).append("\r\n");
    }

    std::shared_ptr<Session> session_;
    CancelToken cancel_;
    bool is_chunked_;
    std::shared_ptr<Guarded<State>> state_;
    CancelCallback on_cancel_;
};

// The connection as a WebSocket needs it: bytes that were read already come first.
RawConnection Session::raw() {
    const auto read = [self = shared_from_this()](char* buffer, std::size_t size, RawConnection::Done done) {
        const std::size_t kept = std::min(size, self->buffer_.size());
        if (kept == 0) return self->transport_->read_some(asio::buffer(buffer, size), std::move(done));
        std::memcpy(buffer, self->buffer_.data().data(), kept);
        self->buffer_.consume(kept);
        asio::post(self->context_.io, [done = std::move(done), kept] { done({}, kept); });
    };
    const auto write = [self = shared_from_this()](const char* bytes, std::size_t size,
                                                   RawConnection::Done done) {
        self->transport_->write_some(asio::buffer(bytes, size), std::move(done));
    };
    return {context_.io, read, write, [self = shared_from_this()] { self->transport_->close(); },
            [self = shared_from_this()] { self->request_->gone.cancel(CancelReason::kUser); }};
}

void Session::answer(Exchange& exchange) {
    const bool is_head = exchange.request.method == "HEAD";
    const auto post = [this](std::function<void(Session&)> work) {
        asio::post(context_.io, [self = shared_from_this(), work = std::move(work)] { work(*self); });
    };
    bool has_begun = false;
    try {
        ServerResponse response = context_.handler(exchange.request);
        if (response.websocket) {
            has_begun = true;
            serve_websocket(raw(), exchange.request, *response.websocket);
            return post([](Session& s) {
                s.close();
                s.answered();
            });
        }
        if (!response.stream || is_head) {
            if (is_head) response.stream = nullptr;
            (void)head_of(response, Framing::kLength, true);  // throws here, not on the io thread
            return post(
                [response = std::move(response), is_head](Session& s) { s.whole(response, is_head); });
        }
        const Framing framing = exchange.is_http10 ? Framing::kUntilClose : Framing::kChunked;
        const bool keep_alive = exchange.wants_keep_alive && framing == Framing::kChunked;
        Streamer stream(shared_from_this(), exchange.request.cancel, framing == Framing::kChunked);
        stream.send(head_of(response, framing, keep_alive));
        has_begun = true;
        response.stream(stream);
        post([framing, keep_alive](Session& s) {
            s.keep_alive_ = s.keep_alive_ && keep_alive;
            s.send(framing == Framing::kChunked ? "0\r\n\r\n" : "",
                   [self = s.shared_from_this()](bool) { self->answered(); });
        });
    } catch (const Cancelled& cancelled) {
        const bool stopping = cancelled.reason() == CancelReason::kShutdown;
        post([has_begun, stopping, is_head](Session& s) {
            s.keep_alive_ = false;
            if (!has_begun && stopping) return s.whole(problem(503, "the server is stopping"), is_head);
            s.close();
            s.answered();
        });
    } catch (const std::exception& error) {
        context_.log.error(
            "a request failed",
            {{"method", exchange.request.method}, {"path", exchange.request.path}, {"error", error.what()}});
        post([has_begun, is_head](Session& s) {
            if (!has_begun)
                return s.whole(problem(500, "the request failed; the server's log says why"), is_head);
            s.close();  // a body that is cut off must not look whole
            s.answered();
        });
    }
}

// --- the server

TlsContext tls_context(const ServerOptions& options) {
    auto made = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
    asio::ssl::context& context = *made;
    try {
        SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_3_VERSION);
        SSL_CTX_set_num_tickets(context.native_handle(),
                                0);  // a session is never longer than its certificate
        context.use_certificate_chain(asio::buffer(options.certificate_pem));
        context.use_private_key(asio::buffer(options.key_pem), asio::ssl::context::pem);
        if (!options.client_ca_pem.empty()) {
            context.add_certificate_authority(asio::buffer(options.client_ca_pem));
            context.set_verify_mode(options.requires_client_certificate
                                        ? asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert
                                        : asio::ssl::verify_peer);
        }
    } catch (const boost::system::system_error& error) {
        throw Error(ErrorKind::kInvalid,
                    std::string("the server's certificate or key cannot be used: ") + error.what());
    }
    return made;
}

class Server final : public HttpServer {
  public:
    Server(const ServerOptions& options, Handler handler, Log& log)
        : context_(options, std::move(handler), log), acceptor_(context_.io), retry_(context_.io) {
        if (!options.certificate_pem.empty()) context_.tls = tls_context(options);
        listen();
        accept();
        thread_.spawn([this] { context_.io.run(); });
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() override { stop(); }

    std::uint16_t port() const noexcept override { return port_; }

    void stop() override {
        if (stopped_.exchange(true)) return thread_.join();
        asio::post(context_.io, [this] {
            context_.stopping = true;
            error_code ignored;
            acceptor_.close(ignored);
            retry_.cancel();
        });
        context_.stop.cancel(CancelReason::kShutdown);
        context_.pool.drain();
        asio::post(context_.io, [this] {
            const auto sessions = sessions_;
            for (const auto& session : sessions) session->stop();
            retry_.expires_after(kGoodbye);
            retry_.async_wait([this](error_code) { context_.io.stop(); });
            if (sessions_.empty()) retry_.cancel();
        });
        thread_.join();
        sessions_.clear();
        if (!context_.options.unix_socket.empty()) ::unlink(context_.options.unix_socket.c_str());
    }

    void use_certificates(const std::string& certificate_pem, const std::string& key_pem,
                          const std::string& client_ca_pem) override {
        ServerOptions options = context_.options;
        options.certificate_pem = certificate_pem;
        options.key_pem = key_pem;
        options.client_ca_pem = client_ca_pem;
        asio::post(context_.io, [this, next = tls_context(options)] { context_.tls = next; });
    }

  private:
    void listen() {
        const ServerOptions& options = context_.options;
        const bool is_unix = !options.unix_socket.empty();
        const std::string where =
            is_unix ? options.unix_socket : options.host + ":" + std::to_string(options.port);
        const Stream::endpoint endpoint = is_unix ? unix_endpoint() : tcp_endpoint();
        error_code failed;
        acceptor_.open(endpoint.protocol(), failed);
        if (!failed && !is_unix) acceptor_.set_option(asio::socket_base::reuse_address(true), failed);
        if (!failed) acceptor_.bind(endpoint, failed);
        if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
        if (failed) {
            throw Error(ErrorKind::kFailedPrecondition, "cannot listen on " + where + ": " + failed.message(),
                        "another server may have that address; choose another one");
        }
        ::fcntl(acceptor_.native_handle(), F_SETFD, FD_CLOEXEC);
        if (is_unix) {
            ::chmod(options.unix_socket.c_str(), 0600);
            return;
        }
        sockaddr_storage bound{};
        socklen_t size = sizeof bound;
        ::getsockname(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&bound), &size);
        port_ = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&bound)->sin6_port
                                                  : reinterpret_cast<sockaddr_in*>(&bound)->sin_port);
    }

    [[nodiscard]] Stream::endpoint tcp_endpoint() const {
        const std::string& host = context_.options.host;
        error_code failed;
        const auto address = asio::ip::make_address(host == "localhost" ? "127.0.0.1" : host, failed);
        if (failed) throw Error(ErrorKind::kInvalid, "'" + host + "' is no IP address to listen on");
        return asio::ip::tcp::endpoint(address, context_.options.port);
    }

    // A socket file that nobody listens on is what a server that died left: it goes.
    [[nodiscard]] Stream::endpoint unix_endpoint() {
        const std::string& path = context_.options.unix_socket;
        if (path.size() >= sizeof(sockaddr_un::sun_path)) {
            throw Error(ErrorKind::kInvalid, "the socket path " + path + " is too long");
        }
        const asio::local::stream_protocol::endpoint endpoint(path);
        asio::local::stream_protocol::socket probe(context_.io);
        error_code failed;
        probe.connect(endpoint, failed);
        if (failed == asio::error::connection_refused) ::unlink(path.c_str());
        return endpoint;
    }

    void accept() {
        if (context_.stopping) return;
        if (sessions_.size() >= kMaxConnections) {
            is_full_ = true;
            return;
        }
        acceptor_.async_accept([this](error_code failed, Stream::socket socket) {
            if (context_.stopping) return;
            if (!failed) {
                welcome(std::move(socket));
                return accept();
            }
            // Out of descriptors, or a client that went before it was let in: try again in a moment.
            retry_.expires_after(std::chrono::milliseconds(50));
            retry_.async_wait([this](error_code cancelled) {
                if (!cancelled) accept();
            });
        });
    }

    void welcome(Stream::socket socket) {
        ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
        const int on = 1;
        ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on,
                     sizeof on);  // fails on unix sockets: fine
        Peer peer = peer_of(socket);
        std::unique_ptr<Transport> transport;
        if (context_.tls) {
            transport = std::make_unique<TlsTransport>(std::move(socket), context_.tls);
        } else {
            transport = std::make_unique<PlainTransport>(std::move(socket));
        }
        const auto session = std::make_shared<Session>(context_, std::move(transport), std::move(peer));
        sessions_.insert(session);
        session->start([this, weak = std::weak_ptr(session)] { leave(weak.lock()); });
    }

    void leave(const std::shared_ptr<Session>& session) {
        sessions_.erase(session);
        if (context_.stopping && sessions_.empty()) retry_.cancel();
        if (is_full_ && !context_.stopping) {
            is_full_ = false;
            asio::post(context_.io, [this] { accept(); });
        }
    }

    [[nodiscard]] static Peer peer_of(Stream::socket& socket) {
        error_code failed;
        const Stream::endpoint remote = socket.remote_endpoint(failed);
        if (failed || (remote.data()->sa_family != AF_INET && remote.data()->sa_family != AF_INET6)) {
            ucred credentials{};
            socklen_t size = sizeof credentials;
            if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
                credentials.uid = static_cast<uid_t>(-1);  // nobody's
            return {"unix", credentials.uid};
        }
        asio::ip::tcp::endpoint address;
        std::memcpy(address.data(), remote.data(), std::min(remote.size(), address.capacity()));
        address.resize(remote.size());
        return {address.address().to_string() + ":" + std::to_string(address.port()), std::nullopt};
    }

    Context context_;
    asio::basic_socket_acceptor<Stream> acceptor_;
    asio::steady_timer retry_;
    std::unordered_set<std::shared_ptr<Session>> sessions_;  // the io thread's
    std::uint16_t port_ = 0;
    bool is_full_ = false;
    std::atomic<bool> stopped_{false};
    TaskGroup thread_;
};

}  // namespace

std::unique_ptr<HttpServer> start_http_server(const ServerOptions& options, Handler handler, Log& log) {
    return std::make_unique<Server>(options, std::move(handler), log);
}

}  // namespace fencepost::net
