#include "net/websocket_client.h"

#include <curl/curl.h>
#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <utility>

#include "base/encodings.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"

namespace fencepost::net {
namespace {

namespace asio = boost::asio;
namespace ssl = asio::ssl;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::uint16_t kNormal = 1000;
constexpr std::size_t kMaxProxyAnswer = std::size_t{64} << 10U;

// --- what is asked for

struct Address {
    bool is_tls = false;
    std::string host;  // an IPv6 address without brackets
    std::string port;
    std::string authority;  // as the Host header names it
    std::string target;
    std::string user_info;  // "user:password"
};

std::string part_of(CURLU* parts, CURLUPart what, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(parts, what, &text, flags) != CURLUE_OK) return {};
    std::string part = text;
    curl_free(text);
    return part;
}

// `name` is what errors call it.
Address address_of(const std::string& url, const std::string& name) {
    // libcurl of that age knows no ws:, which is http: by another name.
    const std::string as_http = url.starts_with("ws") ? "http" + url.substr(2) : url;
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), &curl_url_cleanup);
    const CURLUcode failed = curl_url_set(parts.get(), CURLUPART_URL, as_http.c_str(), CURLU_PATH_AS_IS);
    const std::string scheme = part_of(parts.get(), CURLUPART_SCHEME);
    if (failed != CURLUE_OK || (scheme != "http" && scheme != "https"))
        throw Error(ErrorKind::kInvalid, name + " is no URL of http: or https:");
    Address address;
    address.is_tls = scheme == "https";
    address.host = part_of(parts.get(), CURLUPART_HOST);
    address.port = part_of(parts.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
    address.authority = address.host + ":" + address.port;
    if (address.host.starts_with('[')) address.host = address.host.substr(1, address.host.size() - 2);
    const std::string query = part_of(parts.get(), CURLUPART_QUERY);
    address.target = part_of(parts.get(), CURLUPART_PATH) + (query.empty() ? "" : "?" + query);
    const std::string user = part_of(parts.get(), CURLUPART_USER, CURLU_URLDECODE);
    if (!user.empty())
        address.user_info = user + ":" + part_of(parts.get(), CURLUPART_PASSWORD, CURLU_URLDECODE);
    return address;
}

Headers headers_of(const WebSocketRequest& request) {
    Headers headers = request.headers;
    std::string offered;
    for (const std::string& protocol : request.protocols) offered += (offered.empty() ? "" : ", ") + protocol;
    if (!offered.empty()) headers.emplace_back("Sec-WebSocket-Protocol", offered);
    headers.emplace_back("User-Agent", "fencepost");
    for (const auto& [name, value] : headers) {
        if (name.empty() || (name + value).find_first_of(std::string("\r\n\0", 3)) != std::string::npos) {
            throw Error(ErrorKind::kInvalid, "the HTTP header '" + name + "' has a line break or no name");
        }
    }
    return headers;
}

// The same trust as libcurl's: what is in the bundle, root or not, and what is in the system's folder. The
// system's own bundle, which takes 70 ms to read, is for who brings none.
ssl::context tls_context(const TlsOptions& tls) {
    ssl::context context(ssl::context::tls_client);
    SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
    context.set_verify_mode(tls.verify ? ssl::verify_peer : ssl::verify_none);
    const auto use = [](const char* what, const auto& set) {
        error_code failed;
        set(failed);
        if (!failed) return;
        throw Error(ErrorKind::kInvalid, std::string(what) + " cannot be used: " + failed.message());
    };
    X509_STORE* store = SSL_CTX_get_cert_store(context.native_handle());
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    if (!tls.ca_bundle_pem.empty()) {
        use("the CA certificate", [&](error_code& failed) {
            context.add_certificate_authority(asio::buffer(tls.ca_bundle_pem), failed);
            if (!failed && sk_X509_OBJECT_num(X509_STORE_get0_objects(store)) == 0)
                failed = asio::error::invalid_argument;
        });
    }
    if (tls.verify && tls.ca_bundle_pem.empty()) SSL_CTX_set_default_verify_file(context.native_handle());
    if (tls.verify) SSL_CTX_set_default_verify_dir(context.native_handle());
    if (!tls.client_certificate_pem.empty()) {
        use("the client certificate", [&](error_code& failed) {
            context.use_certificate_chain(asio::buffer(tls.client_certificate_pem), failed);
        });
    }
    if (!tls.client_key_pem.empty()) {
        use("the client certificate's key", [&](error_code& failed) {
            context.use_private_key(asio::buffer(tls.client_key_pem), ssl::context::pem, failed);
        });
    }
    return context;
}

// --- one connection, TCP or TLS. All but its making and dial() runs on the io thread.
class Link : public std::enable_shared_from_this<Link> {
  public:
    Link(asio::io_context& io, Address address, std::optional<Address> proxy, const TlsOptions& tls)
        : io_(io),
          address_(std::move(address)),
          proxy_(std::move(proxy)),
          verifies_(tls.verify),
          context_(address_.is_tls ? tls_context(tls) : ssl::context(ssl::context::tls_client)),
          resolver_(io),
          stream_(io, context_) {
        if (!address_.is_tls) return;
        SSL* handle = stream_.native_handle();
        const std::string& name = tls.server_name.empty() ? address_.host : tls.server_name;
        error_code is_name;
        (void)asio::ip::make_address(name, is_name);
        if (is_name) SSL_set_tlsext_host_name(handle, name.c_str());
        if (SSL_set1_host(handle, name.c_str()) != 1)
            throw Error(ErrorKind::kInvalid, "'" + name + "' is no host's name");
    }

    // Blocks until bytes can go both ways.
    void dial(Deadline deadline, const CancelToken& cancel) {
        asio::post(io_, [self = shared_from_this()] { self->resolve(); });
        const CancelCallback wake =
            cancel.on_cancel([self = shared_from_this()] { self->state_.lock().notify_all(); });
        auto state = state_.lock();
        const bool is_done = state.wait_until(
            deadline, [&] { return state->is_open || state->failure || cancel.is_cancelled(); });
        cancel.throw_if_cancelled();
        if (!is_done) throw Error(ErrorKind::kTimeout, "no connection was made in time");
        if (state->failure) throw Error(*state->failure);
    }

    RawConnection raw() {
        const auto read = [self = shared_from_this()](char* buffer, std::size_t size,
                                                      RawConnection::Done done) {
            const asio::mutable_buffer space(buffer, size);
            if (self->address_.is_tls) return self->stream_.async_read_some(space, std::move(done));
            self->stream_.next_layer().async_read_some(space, std::move(done));
        };
        const auto write = [self = shared_from_this()](const char* bytes, std::size_t size,
                                                       RawConnection::Done done) {
            const asio::const_buffer data(bytes, size);
            if (self->address_.is_tls) return self->stream_.async_write_some(data, std::move(done));
            self->stream_.next_layer().async_write_some(data, std::move(done));
        };
        return {io_, read, write, [self = shared_from_this()] { self->close(); }, nullptr};
    }

    void hang_up() {
        asio::post(io_, [self = shared_from_this()] { self->close(); });
    }

  private:
    struct State {
        bool is_open = false;
        std::optional<Error> failure;
    };

    void resolve() {
        const Address& first = proxy_ ? *proxy_ : address_;
        resolver_.async_resolve(
            first.host, first.port,
            [self = shared_from_this(), &first](error_code failed, const tcp::resolver::results_type& found) {
                if (failed) return self->fail("cannot find " + first.host, failed);
                self->connect(found, first);
            });
    }
    void connect(const tcp::resolver::results_type& found, const Address& first) {
        if (is_closed_) return;
        asio::async_connect(stream_.next_layer(), found,
                            [self = shared_from_this(), &first](error_code failed, const tcp::endpoint&) {
                                if (failed) return self->fail("cannot connect to " + first.authority, failed);
                                self->connected();
                            });
    }
    void connected() {
        tcp::socket& socket = stream_.next_layer();
        error_code ignored;
        ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
        socket.set_option(tcp::no_delay(true), ignored);
        socket.set_option(asio::socket_base::keep_alive(true), ignored);
        proxy_ ? ask_proxy() : tunnelled();
    }
    void ask_proxy() {
        proxy_talk_ = "CONNECT " + address_.authority + " HTTP/1.1\r\nHost: " + address_.authority + "\r\n";
        if (!proxy_->user_info.empty())
            proxy_talk_ += "Proxy-Authorization: Basic " + base64_encode(proxy_->user_info) + "\r\n";
        proxy_talk_ += "\r\n";
        asio::async_write(stream_.next_layer(), asio::buffer(proxy_talk_),
                          [self = shared_from_this()](error_code failed, std::size_t) {
                              if (failed) return self->fail("the proxy " + self->proxy_->authority, failed);
                              self->hear_proxy();
                          });
    }
    // Nothing can come behind the proxy's answer: of HTTP and TLS the client begins.
    void hear_proxy() {
        proxy_talk_.clear();
        asio::async_read_until(
            stream_.next_layer(), asio::dynamic_buffer(proxy_talk_, kMaxProxyAnswer), "\r\n\r\n",
            [self = shared_from_this()](error_code failed, std::size_t) {
                if (failed) return self->fail("the proxy " + self->proxy_->authority, failed);
                const std::string status = self->proxy_talk_.substr(0, self->proxy_talk_.find('\r'));
                if (status.starts_with("HTTP/1.") && status.find(" 2") == 8) return self->tunnelled();
                self->fail({ErrorKind::kUnavailable, "the proxy " + self->proxy_->authority +
                                                         " does not connect to " + self->address_.authority +
                                                         ": " + status});
            });
    }
    void tunnelled() {
        if (!address_.is_tls) return opened();
        stream_.async_handshake(ssl::stream_base::client, [self = shared_from_this()](error_code failed) {
            failed ? self->refuse(failed) : self->opened();
        });
    }
    void opened() {
        auto state = state_.lock();
        state->is_open = true;
        state.notify_all();
    }
    void refuse(error_code failed) {
        const long verified = SSL_get_verify_result(stream_.native_handle());
        if (!verifies_ || verified == X509_V_OK) return fail("TLS with " + address_.authority, failed);
        fail({ErrorKind::kForbidden,
              "the certificate of " + address_.authority +
                  " does not verify: " + X509_verify_cert_error_string(verified),
              "give the CA that signed it, or check the host name"});
    }
    void fail(const std::string& what, error_code why) {
        fail({ErrorKind::kUnavailable, what + ": " + why.message()});
    }
    void fail(Error error) {
        auto state = state_.lock();
        state->failure = std::move(error);
        state.notify_all();
    }
    void close() {
        is_closed_ = true;
        resolver_.cancel();
        error_code ignored;
        stream_.next_layer().shutdown(tcp::socket::shutdown_both, ignored);
        stream_.next_layer().close(ignored);
    }

    asio::io_context& io_;
    const Address address_;
    const std::optional<Address> proxy_;
    const bool verifies_;
    ssl::context context_;
    tcp::resolver resolver_;
    ssl::stream<tcp::socket> stream_;
    std::string proxy_talk_;
    bool is_closed_ = false;
    Guarded<State> state_;
};

class Socket final : public ClientSocket {
  public:
    Socket(std::string name, std::string protocol, std::shared_ptr<Link> link,
           std::shared_ptr<WebSocketStream> stream)
        : name_(std::move(name)),
          protocol_(std::move(protocol)),
          link_(std::move(link)),
          stream_(std::move(stream)) {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() override {
        if (!is_closing_) link_->hang_up();
    }

    const std::string& protocol() const noexcept override { return protocol_; }

    std::optional<std::string> read(const CancelToken& cancel, Deadline deadline) override {
        if (auto message = stream_->read(cancel, deadline)) return message;
        const std::optional<SocketEnd> end = stream_->end({});
        if (!end) throw Error(ErrorKind::kTimeout, name_ + ": no message came before the deadline");
        if (end->close_code) return std::nullopt;
        throw Error(ErrorKind::kUnavailable, name_ + ": the connection is lost: " + end->reason);
    }
    std::optional<std::uint16_t> close_code() const override {
        const std::optional<SocketEnd> end = stream_->end({});
        return end ? end->close_code : std::nullopt;
    }
    bool write(std::string message, const CancelToken& cancel) override {
        return stream_->write(std::move(message), cancel);
    }
    void close() override {
        is_closing_ = true;
        stream_->close(kNormal);
    }

  private:
    const std::string name_;
    const std::string protocol_;
    const std::shared_ptr<Link> link_;
    const std::shared_ptr<WebSocketStream> stream_;
    std::atomic<bool> is_closing_{false};
};

class Client final : public WebSocketClient {
  public:
    Client() {
        thread_.spawn([this] { io_.run(); });
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() override {
        io_.stop();
        thread_.join();
    }

    Answer connect(const WebSocketRequest& request, const CancelToken& cancel) override {
        cancel.throw_if_cancelled();
        const std::string name = "GET " + request.url.substr(0, request.url.find('?'));
        try {
            return open(name, request, cancel);
        } catch (Error& error) {
            error.add_trace(name);
            throw;
        }
    }

  private:
    Answer open(const std::string& name, const WebSocketRequest& request, const CancelToken& cancel) {
        const Address address =
            address_of(request.url, "'" + request.url.substr(0, request.url.find('?')) + "'");
        std::optional<Address> proxy;
        if (!request.proxy.empty())
            proxy = address_of(request.proxy, "the proxy's address");  // has a password
        const Headers headers = headers_of(request);
        const auto link = std::make_shared<Link>(io_, address, std::move(proxy), request.tls);
        try {
            const Deadline dialled = std::chrono::steady_clock::now() + request.connect_timeout;
            try {
                link->dial(std::min(dialled, request.deadline), cancel);
            } catch (Error& error) {
                if (!error.is_transient()) throw;
                link->hang_up();
                return NotConnected{error.add_trace(name)};
            }
            const auto stream = make_websocket_stream(link->raw(), request.ping_interval);
            HttpResponse answer =
                stream->connect(address.authority, address.target, headers, request.deadline, cancel);
            if (answer.status == 101) {
                std::string protocol(answer.header("Sec-WebSocket-Protocol"));
                const auto& offered = request.protocols;
                if (!offered.empty() &&
                    std::find(offered.begin(), offered.end(), protocol) == offered.end()) {
                    throw Error(ErrorKind::kUnavailable, "the server chose the WebSocket subprotocol '" +
                                                             protocol + "', which was not offered");
                }
                return std::make_unique<Socket>(name, std::move(protocol), link, stream);
            }
            link->hang_up();
            return answer;
        } catch (...) {
            link->hang_up();
            throw;
        }
    }

    asio::io_context io_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
    TaskGroup thread_;
};

}  // namespace

std::unique_ptr<WebSocketClient> make_websocket_client() { return std::make_unique<Client>(); }

}  // namespace fencepost::net
