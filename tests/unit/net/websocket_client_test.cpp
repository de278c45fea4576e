#include "net/websocket_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/guarded.h"
#include "base/encodings.h"
#include "connect_proxy.h"
#include "net/certificates.h"
#include "net/http_server.h"
#include "net/websocket.h"
#include "tests/unit/eventually.h"

using namespace fencepost;
using namespace std::chrono_literals;

namespace {

using Use = std::function<void(net::WebSocket&, const net::ServerRequest&)>;

void echo(net::WebSocket& socket, const net::ServerRequest& request) {
    while (auto message = socket.read(request.cancel)) socket.write("echo " + *message);
}

// A server whose handler does what a test wants with each WebSocket; what asks for none, or for /refused,
// gets an answer.
struct Server {
    explicit Server(Use use, net::ServerOptions options = {}) {
        options.max_requests_at_once = 1000;
        is_tls = !options.certificate_pem.empty();
        host = options.host;
        server = net::start_http_server(
            options,
            [this, use = std::move(use)](const net::ServerRequest& request) {
                net::ServerResponse response;
                if (!net::is_websocket_request(request) || request.path == "/refused") {
                    response = {.status = 403, .headers = {{"Why", "test"}}, .body = "{\"kind\":\"Status\"}"};
                    return response;
                }
                const std::string protocol = request.path == "/other" ? "other" : "b.example";
                response.websocket = {protocol, [this, use, &request](net::WebSocket& socket) {
                                          const std::shared_ptr<void> at_end(
                                              nullptr, [this](void*) { ended.fetch_add(1); });
                                          use(socket, request);
                                      }};
                return response;
            },
            log);
    }
    [[nodiscard]] net::WebSocketRequest request(const std::string& path = "/") const {
        net::WebSocketRequest result;
        result.url = (is_tls ? "https://" : "http://") + host + ":" + std::to_string(server->port()) + path;
        result.protocols = {"a.example", "b.example"};
        result.connect_timeout = kPatience;
        result.deadline = std::chrono::steady_clock::now() + kPatience;
        return result;
    }
    [[nodiscard]] bool has_ended(int times = 1) const {
        return eventually([&] { return ended.load() >= times; });
    }
    UniqueFd null = open_file("/dev/null", 1);
    Log log{null.get(), Log::Format::kText, LogLevel::kError};
    bool is_tls = false;
    std::string host;
    std::atomic<int> ended{0};
    std::unique_ptr<net::HttpServer> server;
};

UniqueFd listener(std::uint16_t& port) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(fd.get(), 10) == 0);
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
    return fd;
}

// Between a client and a server: carries the bytes of one connection until it is told otherwise.
class Relay {
  public:
    explicit Relay(std::uint16_t to) : to_(to), listener_(listener(port)), thread_([this] { carry(); }) {}
    ~Relay() {
        mode = Mode::kReset;
        thread_.join();
    }
    // kSilent: whoever sends sees a peer that takes the bytes and never says anything again.
    enum class Mode { kCarry, kSilent, kReset, kEnd };
    std::atomic<Mode> mode{Mode::kCarry};
    std::uint16_t port = 0;

  private:
    void carry() {
        pollfd wait{listener_.get(), POLLIN, 0};
        while (::poll(&wait, 1, 5) != 1) {
            if (mode == Mode::kReset) return;
        }
        UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        UniqueFd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(to_);
        if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
        while (mode == Mode::kCarry || mode == Mode::kSilent) {
            if (!step(client, server)) return;
        }
        if (mode == Mode::kEnd) return;
        const linger reset{1, 0};
        ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    }
    bool step(const UniqueFd& client, const UniqueFd& server) {
        std::array<pollfd, 2> waits{pollfd{client.get(), POLLIN, 0}, pollfd{server.get(), POLLIN, 0}};
        if (::poll(waits.data(), waits.size(), 5) <= 0) return true;
        for (std::size_t i = 0; i < 2; ++i) {
            if (waits.at(i).revents == 0) continue;
            std::array<char, 65536> buffer;
            const ssize_t got = ::recv(waits.at(i).fd, buffer.data(), buffer.size(), 0);
            if (got <= 0) return false;
            if (mode == Mode::kCarry)
                write_all(waits.at(1 - i).fd, {buffer.data(), static_cast<std::size_t>(got)});
        }
        return true;
    }

    std::uint16_t to_;
    UniqueFd listener_;
    std::thread thread_;
};

std::unique_ptr<net::ClientSocket> open(net::WebSocketClient& client, const net::WebSocketRequest& request) {
    auto answer = client.connect(request, {});
    REQUIRE(std::holds_alternative<std::unique_ptr<net::ClientSocket>>(answer));
    return std::get<std::unique_ptr<net::ClientSocket>>(std::move(answer));
}

Deadline soon() { return std::chrono::steady_clock::now() + kPatience; }

template <typename Work>
ErrorKind kind_of(Work work) {
    try {
        work();
    } catch (const Error& error) {
        INFO(error.what());
        return error.kind();
    }
    FAIL("no Error was thrown");
    return ErrorKind::kInternal;
}

// Of a connection that fails, whether or not the server was asked.
ErrorKind failure(net::WebSocketClient& client, const net::WebSocketRequest& request) {
    return kind_of([&] {
        const auto answer = client.connect(request, {});
        if (const auto* unreached = std::get_if<net::WebSocketClient::NotConnected>(&answer))
            throw Error(unreached->why);
    });
}

net::ServerOptions tls_options(const net::Certificates& certificates) {
    net::ServerOptions options;
    options.certificate_pem = certificates.certificate_pem;
    options.key_pem = certificates.key_pem;
    return options;
}

net::Certificates certificates() {
    return net::make_loopback_certificates(SystemClock().now(), std::chrono::hours(24));
}

}  // namespace

TEST_CASE(
    "a websocket client: the subprotocol, headers, messages whole both ways, and the server's goodbye") {
    std::string seen;
    Server server([&](net::WebSocket& socket, const net::ServerRequest& request) {
        seen = request.target + " " + std::string(request.header("X-Test")) + " " +
               std::string(request.header("Sec-WebSocket-Protocol"));
        socket.write(*socket.read(request.cancel));
        socket.write("last");
    });
    const auto client = net::make_websocket_client();
    net::WebSocketRequest request = server.request("/a/../b?x=%2f&y");
    request.headers = {{"X-Test", "yes"}};
    const auto socket = open(*client, request);
    CHECK(socket->protocol() == "b.example");
    const std::string bytes = std::string("\0\xff\r\n", 4) + "more";
    CHECK(socket->write(bytes, {}));
    CHECK(socket->read({}, soon()) == bytes);
    CHECK(seen == "/a/../b?x=%2f&y yes a.example, b.example");
    CHECK(socket->read({}, soon()) == "last");
    CHECK(socket->read({}, soon()) == std::nullopt);
    CHECK(socket->close_code() == 1000);
    CHECK_FALSE(socket->write("late", {}));
}

TEST_CASE(
    "ws: is http: by another name; what is no WebSocket's URL, or a header with a line break, is invalid") {
    Server server(echo);
    const auto client = net::make_websocket_client();
    net::WebSocketRequest request = server.request();
    request.url.replace(0, 4, "ws");
    CHECK(open(*client, request)->write("x", {}));
    for (const char* url : {"", "ftp://127.0.0.1/", "wsx://127.0.0.1/", "http://", "nonsense"}) {
        request.url = url;
        INFO(url);
        CHECK(failure(*client, request) == ErrorKind::kInvalid);
    }
    request = server.request();
    request.headers = {{"X", "a\r\nY: b"}};
    CHECK(failure(*client, request) == ErrorKind::kInvalid);
}

TEST_CASE("a websocket over TLS: the authority from memory, names and addresses, and clients' certificates") {
    const net::Certificates ours = certificates();
    Server server(echo, tls_options(ours));
    const auto client = net::make_websocket_client();
    net::WebSocketRequest request = server.request();
    const auto works = [&] {
        const auto socket = open(*client, request);
        REQUIRE(socket->write(std::string(300'000, 'x'), {}));
        return socket->read({}, soon()) == "echo " + std::string(300'000, 'x');
    };
    const auto fails = [&] { return failure(*client, request); };

    CHECK(fails() == ErrorKind::kForbidden);  // signed by nobody that the system knows
    request.tls.ca_bundle_pem = ours.authority_pem;
    CHECK(works());
    request.url = "wss://localhost:" + std::to_string(server.server->port());
    CHECK(works());
    request.tls.ca_bundle_pem = certificates().authority_pem;
    CHECK(fails() == ErrorKind::kForbidden);
    request.tls.verify = false;
    CHECK(works());
    request.tls.ca_bundle_pem = "nonsense";
    CHECK(fails() == ErrorKind::kInvalid);
    request.tls.ca_bundle_pem.clear();
    request.tls.client_certificate_pem = "nonsense";
    CHECK(fails() == ErrorKind::kInvalid);

    SECTION("a certificate for another address") {
        net::ServerOptions options = tls_options(ours);
        options.host = "127.0.0.2";
        Server other(echo, options);
        request = other.request();
        request.tls.ca_bundle_pem = ours.authority_pem;
        CHECK(fails() == ErrorKind::kForbidden);
        request.tls.server_name = "localhost";
        CHECK(works());
        request.tls.server_name = "other.example";
        CHECK(fails() == ErrorKind::kForbidden);
        request.tls.verify = false;
        CHECK(works());
    }
    SECTION("a server that wants to see the client's certificate") {
        net::ServerOptions options = tls_options(ours);
        options.client_ca_pem = ours.authority_pem;
        std::string name;
        Server strict(
            [&](net::WebSocket& socket, const net::ServerRequest& seen) {
                name = seen.client_certificate_name;
                socket.write(name);
            },
            options);
        request = strict.request();
        request.tls.ca_bundle_pem = ours.authority_pem;
        CHECK(fails() == ErrorKind::kUnavailable);
        request.tls.client_certificate_pem = ours.certificate_pem;
        request.tls.client_key_pem = certificates().key_pem;
        CHECK(fails() == ErrorKind::kInvalid);  // of another certificate
    }
    SECTION("no TLS at the other end") {
        Server plain(echo);
        request.tls = {};
        request.url = "https://127.0.0.1:" + std::to_string(plain.server->port());
        CHECK(fails() == ErrorKind::kUnavailable);
    }
}

TEST_CASE("a websocket through a proxy: a tunnel to the server, whose name is asked for behind it") {
    const net::Certificates ours = certificates();
    const auto client = net::make_websocket_client();
    net::ConnectProxy proxy;
    const auto works_with = [&](const net::WebSocketRequest& request) {
        const auto socket = open(*client, request);
        REQUIRE(socket->write("x", {}));
        return socket->read({}, soon()) == "echo x";
    };
    Server plain(echo);
    net::WebSocketRequest request = plain.request();
    request.proxy = "http://" + proxy.authority;
    CHECK(works_with(request));
    CHECK(proxy.tunnels().at(0).head.starts_with("CONNECT 127.0.0.1:" + std::to_string(plain.server->port()) +
                                                 " HTTP/1.1\r\n"));

    net::ServerOptions options = tls_options(ours);
    options.host = "127.0.0.2";
    Server server(echo, options);
    request = server.request();
    request.headers = {{"Authorization", "Bearer secret"}};
    request.tls.ca_bundle_pem = ours.authority_pem;
    request.tls.server_name = "localhost";
    request.proxy = "http://me:p%40ss@" + proxy.authority;
    CHECK(works_with(request));
    const net::ConnectProxy::Tunnel tunnel = proxy.tunnels().at(1);
    CHECK(tunnel.head.starts_with("CONNECT 127.0.0.2:" + std::to_string(server.server->port()) + " "));
    CHECK(tunnel.head.find("Proxy-Authorization: Basic " + base64_encode("me:p@ss") + "\r\n") !=
          std::string::npos);
    CHECK(tunnel.head.find("secret") == std::string::npos);
    CHECK(tunnel.first_bytes.find("localhost") != std::string::npos);  // SNI

    net::ConnectProxy unwilling("HTTP/1.1 407 Proxy Authentication Required");
    request.proxy = "http://" + unwilling.authority;
    const auto answer = client->connect(request, {});
    REQUIRE(std::holds_alternative<net::WebSocketClient::NotConnected>(answer));
    CHECK(std::get<net::WebSocketClient::NotConnected>(answer).why.message() ==
          "the proxy " + unwilling.authority + " does not connect to 127.0.0.2:" +
              std::to_string(server.server->port()) + ": HTTP/1.1 407 Proxy Authentication Required");
}

TEST_CASE("an upgrade that the server refuses is its answer, whole") {
    Server server(echo);
    const auto client = net::make_websocket_client();
    const auto answer = client->connect(server.request("/refused"), {});
    REQUIRE(std::holds_alternative<net::HttpResponse>(answer));
    const auto& response = std::get<net::HttpResponse>(answer);
    CHECK(response.status == 403);
    CHECK(response.header("why") == "test");
    CHECK(response.body == "{\"kind\":\"Status\"}");
}

TEST_CASE("a server that chooses what was not offered, or that is not there, is unavailable") {
    Server server(echo);
    const auto client = net::make_websocket_client();
    CHECK(kind_of([&] { (void)client->connect(server.request("/other"), {}); }) == ErrorKind::kUnavailable);
    net::WebSocketRequest request = server.request();
    server.server->stop();
    server.server.reset();
    CHECK(std::holds_alternative<net::WebSocketClient::NotConnected>(client->connect(request, {})));
    CHECK(failure(*client, request) == ErrorKind::kUnavailable);
    request.url = "http://nobody.invalid/";
    CHECK(failure(*client, request) == ErrorKind::kUnavailable);
}

TEST_CASE("connecting ends with its time, its deadline, or cancellation") {
    std::uint16_t port = 0;
    const UniqueFd silent = listener(port);  // takes connections and never says a word
    const auto client = net::make_websocket_client();
    net::WebSocketRequest request;
    request.url = "https://127.0.0.1:" + std::to_string(port);
    request.connect_timeout = 50ms;  // TLS is part of it
    CHECK(failure(*client, request) == ErrorKind::kTimeout);
    request.url = "http://127.0.0.1:" + std::to_string(port);
    request.deadline = std::chrono::steady_clock::now() + 100ms;
    CHECK(failure(*client, request) == ErrorKind::kTimeout);

    request.deadline = kNoDeadline;
    request.connect_timeout = 20s;
    for (const std::string scheme : {"http", "https"}) {
        request.url = scheme + "://127.0.0.1:" + std::to_string(port);
        CancelSource source;
        std::thread later([&] {
            std::this_thread::sleep_for(50ms);
            source.cancel(CancelReason::kUser);
        });
        CHECK_THROWS_AS(client->connect(request, source.token()), Cancelled);
        later.join();
    }
}

TEST_CASE("a reader that is slow slows the server, loses nothing, and is not taken for a dead one") {
    std::atomic<int> written{0};
    constexpr int kMessages = 1000;  // 64 MiB
    Server server([&](net::WebSocket& socket, const net::ServerRequest&) {
        for (int i = 0; i < kMessages; ++i) {
            socket.write(std::string(65'536, static_cast<char>('a' + i % 26)));
            ++written;
        }
    });
    const auto client = net::make_websocket_client();
    net::WebSocketRequest request = server.request();
    request.ping_interval = 5ms;
    const auto socket = open(*client, request);
    int before = -1;
    while (before != written.load()) {
        before = written.load();
        std::this_thread::sleep_for(150ms);
    }
    CHECK(before < kMessages / 2);
    for (int i = 0; i < kMessages; ++i)
        REQUIRE(socket->read({}, soon()) == std::string(65'536, static_cast<char>('a' + i % 26)));
    CHECK(socket->read({}, soon()) == std::nullopt);
    CHECK(socket->close_code() == 1000);
}

TEST_CASE("a server that takes nothing blocks the writer, is not taken for dead, and can be given up") {
    std::atomic<bool> may_read{false};
    std::atomic<std::size_t> received{0};
    Server server([&](net::WebSocket& socket, const net::ServerRequest& request) {
        while (!may_read && request.cancel.wait_for(1ms)) {
        }
        while (auto message = socket.read(request.cancel)) {
            if (*message == "end") break;
            received += message->size();
        }
        socket.write("done");
    });
    const auto client = net::make_websocket_client();
    net::WebSocketRequest request = server.request();
    request.ping_interval = 5ms;
    const auto socket = open(*client, request);
    std::atomic<std::size_t> written{0};
    CancelSource source;
    std::thread writer([&] {
        try {
            while (socket->write(std::string(65'536, 'x'), source.token())) written += 65'536;
        } catch (const Cancelled&) {
            (void)socket->write("end", {});
        }
    });
    std::size_t before = 1;
    while (before != written.load()) {
        before = written.load();
        std::this_thread::sleep_for(150ms);
    }
    source.cancel(CancelReason::kUser);
    may_read = true;
    writer.join();
    CHECK(socket->read({}, soon()) == "done");
    CHECK(received == before);
}

TEST_CASE("messages of the greatest size pass; a longer one ends the connection") {
    Server server([](net::WebSocket& socket, const net::ServerRequest& request) {
        socket.write(*socket.read(request.cancel));
        socket.write(std::string(net::kMaxSocketMessage + 1, 'x'));
        (void)socket.read(request.cancel);
    });
    const auto client = net::make_websocket_client();
    const auto socket = open(*client, server.request());
    const std::string huge(net::kMaxSocketMessage, 'h');
    CHECK(socket->write(huge, {}));
    CHECK(socket->read({}, soon()) == huge);
    CHECK(kind_of([&] { (void)socket->read({}, soon()); }) == ErrorKind::kUnavailable);
}

TEST_CASE("a connection that breaks is told apart from a goodbye") {
    Server server([](net::WebSocket& socket, const net::ServerRequest& request) {
        socket.write("begun");
        (void)socket.read(request.cancel);
    });
    const auto client = net::make_websocket_client();
    for (const Relay::Mode how : {Relay::Mode::kReset, Relay::Mode::kEnd, Relay::Mode::kSilent}) {
        Relay relay(server.server->port());
        net::WebSocketRequest request = server.request();
        request.url = "http://127.0.0.1:" + std::to_string(relay.port);
        request.ping_interval = 10ms;
        const auto socket = open(*client, request);
        CHECK(socket->read({}, soon()) == "begun");
        std::this_thread::sleep_for(150ms);  // idle, with a server that answers pings
        relay.mode = how;
        CHECK(kind_of([&] { (void)socket->read({}, soon()); }) == ErrorKind::kUnavailable);
        CHECK_FALSE(socket->close_code());
        CHECK_FALSE(socket->write("late", {}));
    }
}

TEST_CASE("what the server sent before it went is read, although nothing can be written any more") {
    Server server([](net::WebSocket& socket, const net::ServerRequest&) {
        for (int i = 0; i < 20; ++i) socket.write(std::string(50'000, 'x'));
        socket.write("status");
    });
    const auto client = net::make_websocket_client();
    const auto socket = open(*client, server.request());
    std::thread writer([&] {
        while (socket->write(std::string(10'000, 'w'), {})) {
        }
    });
    std::this_thread::sleep_for(100ms);
    for (int i = 0; i < 20; ++i) CHECK(socket->read({}, soon()) == std::string(50'000, 'x'));
    CHECK(socket->read({}, soon()) == "status");
    CHECK(socket->read({}, soon()) == std::nullopt);
    writer.join();
}

TEST_CASE("a handler that fails says so in its goodbye") {
    Server server([](net::WebSocket&, const net::ServerRequest&) { throw std::runtime_error("broken"); });
    const auto client = net::make_websocket_client();
    const auto socket = open(*client, server.request());
    CHECK(socket->read({}, soon()) == std::nullopt);
    CHECK(socket->close_code() == 1011);
}

TEST_CASE("reading ends at its deadline and with cancellation, and the socket is good for more") {
    Server server(echo);
    const auto client = net::make_websocket_client();
    const auto socket = open(*client, server.request());
    CHECK(kind_of([&] { (void)socket->read({}, std::chrono::steady_clock::now() + 20ms); }) ==
          ErrorKind::kTimeout);
    CancelSource source;
    std::thread later([&] {
        std::this_thread::sleep_for(20ms);
        source.cancel(CancelReason::kDeadline);
    });
    CHECK_THROWS_AS(socket->read(source.token()), Cancelled);
    later.join();
    CHECK(socket->write("still here", {}));
    CHECK(socket->read({}, soon()) == "echo still here");
}

TEST_CASE("a socket that goes hangs up; one that was closed first says goodbye after what it wrote") {
    std::atomic<std::size_t> received{0};
    Server server([&](net::WebSocket& socket, const net::ServerRequest&) {
        while (auto message = socket.read({})) received += message->size();
    });
    const auto client = net::make_websocket_client();
    (void)open(*client, server.request());
    CHECK(server.has_ended(1));
    {
        const auto socket = open(*client, server.request());
        for (int i = 0; i < 50; ++i) CHECK(socket->write(std::string(50'000, 'x'), {}));
        socket->close();
    }
    CHECK(server.has_ended(2));
    CHECK(received == 2'500'000);
}

TEST_CASE("hundreds of websockets at once are one thread's work") {
    const net::Certificates ours = certificates();
    Server server(echo, tls_options(ours));
    const auto client = net::make_websocket_client();
    net::WebSocketRequest request = server.request();
    request.tls.ca_bundle_pem = ours.authority_pem;
    std::vector<std::unique_ptr<net::ClientSocket>> sockets;
    for (int i = 0; i < 200; ++i) {
        request.deadline = soon();
        sockets.push_back(open(*client, request));
    }
    for (std::size_t i = 0; i < sockets.size(); ++i) CHECK(sockets[i]->write(std::to_string(i), {}));
    for (std::size_t i = 0; i < sockets.size(); ++i)
        CHECK(sockets[i]->read({}, soon()) == "echo " + std::to_string(i));
    sockets.clear();
    CHECK(server.has_ended(200));
}
