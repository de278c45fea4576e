#include "net/websocket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>
#include <thread>

#include "base/files.h"
#include "base/guarded.h"
#include "net/http_server.h"
#include "tests/unit/eventually.h"

using namespace fencepost;

namespace {

constexpr const char* kHandshake =
    "GET /socket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: echo.example\r\n\r\n";

enum Opcode : unsigned char { kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

struct Frame {
    unsigned opcode = 0;
    std::string payload;
};

// A client that speaks frames by hand.
class Client {
  public:
    explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        REQUIRE(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        timeval limit{20, 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
    void send(std::string_view bytes) { write_all(socket_.get(), bytes); }
    // The head of the answer.
    std::string handshake(std::string_view more_bytes = {}) {
        send(std::string(kHandshake).append(more_bytes));
        return head();
    }
    std::string head() {
        while (rest_.find("\r\n\r\n") == std::string::npos) more();
        return take(rest_.find("\r\n\r\n") + 4);
    }
    void send(Opcode opcode, std::string_view payload, bool is_last = true) {
        std::string frame(1, static_cast<char>(opcode | (is_last ? 0x80U : 0U)));
        const std::size_t size = payload.size();
        if (size < 126) {
            frame += static_cast<char>(0x80U | size);
        } else {
            frame += static_cast<char>(0x80U | 127U);
            for (int shift = 56; shift >= 0; shift -= 8) frame += static_cast<char>((size >> shift) & 0xFFU);
        }
        send(frame + std::string(4, '\0') + std::string(payload));  // a mask of zeros
    }
    Frame read() {
        const std::string head = take(2);
        std::size_t size = static_cast<unsigned char>(head[1]) & 0x7FU;
        const std::size_t more_size = size == 126 ? 2 : size == 127 ? 8 : 0;
        if (more_size > 0) {
            size = 0;
            for (const char c : take(more_size)) size = (size << 8U) | static_cast<unsigned char>(c);
        }
        return {static_cast<unsigned char>(head[0]) & 0x0FU, take(size)};
    }
    bool is_closed() {
        char byte = 0;
        return ::recv(socket_.get(), &byte, 1, 0) == 0;
    }
    void go() { socket_.reset(); }

  private:
    void more() {
        char buffer[65536];
        const std::size_t got = read_some(socket_.get(), buffer, sizeof buffer);
        REQUIRE(got > 0);
        rest_.append(buffer, got);
    }
    std::string take(std::size_t size) {
        while (rest_.size() < size) more();
        std::string taken = rest_.substr(0, size);
        rest_.erase(0, size);
        return taken;
    }
    UniqueFd socket_;
    std::string rest_;
};

struct World {
    // What the handler's function does with a socket; its end is counted.
    explicit World(std::function<void(net::WebSocket&, const CancelToken&)> use) {
        server = net::start_http_server(
            {},
            [this, use = std::move(use)](const net::ServerRequest& request) {
                net::ServerResponse response;
                if (!net::is_websocket_request(request)) {
                    response.status = 400;
                    return response;
                }
                response.websocket = {"echo.example", [this, use, &request](net::WebSocket& socket) {
                                          try {
                                              use(socket, request.cancel);
                                          } catch (...) {
                                              end();
                                              throw;
                                          }
                                          end();
                                      }};
                return response;
            },
            log);
    }
    void end() {
        auto locked = ended.lock();
        ++*locked;
        locked.notify_all();
    }
    bool has_ended() {
        auto locked = ended.lock();
        return locked.wait_until(std::chrono::steady_clock::now() + kPatience, [&] { return *locked > 0; });
    }
    UniqueFd null = open_file("/dev/null", 1);
    Log log{null.get(), Log::Format::kText, LogLevel::kError};
    Guarded<int> ended;
    std::unique_ptr<net::HttpServer> server;
};

void echo(net::WebSocket& socket, const CancelToken& cancel) {
    while (auto message = socket.read(cancel)) socket.write("echo " + *message);
}

}  // namespace

TEST_CASE("a request becomes a websocket: messages whole, pings answered, goodbyes said") {
    World world(echo);
    Client client(world.server->port());
    const std::string head = client.handshake();
    CHECK(head.starts_with("HTTP/1.1 101 "));
    CHECK(head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos);
    CHECK(head.find("Sec-WebSocket-Protocol: echo.example") != std::string::npos);
    client.send(kText, "one");
    CHECK(client.read().payload == "echo one");
    client.send(kBinary, "in two ", false);
    client.send(static_cast<Opcode>(0), "pieces");
    CHECK(client.read().payload == "echo in two pieces");
    client.send(kPing, "there?");
    const Frame pong = client.read();
    CHECK(pong.opcode == kPong);
    CHECK(pong.payload == "there?");
    client.send(kClose, "\x03\xe8");
    CHECK(client.read().opcode == kClose);
    CHECK(client.is_closed());
    CHECK(world.has_ended());
}

TEST_CASE("the server's end of a websocket is a goodbye after the last message") {
    World world([](net::WebSocket& socket, const CancelToken&) {
        for (int i = 0; i < 100; ++i) socket.write(std::string(10'000, static_cast<char>('a' + i % 26)));
    });
    Client client(world.server->port());
    (void)client.handshake();
    for (int i = 0; i < 100; ++i) {
        const Frame frame = client.read();
        REQUIRE(frame.opcode == kBinary);
        REQUIRE(frame.payload == std::string(10'000, static_cast<char>('a' + i % 26)));
    }
    const Frame goodbye = client.read();
    CHECK(goodbye.opcode == kClose);
    CHECK(goodbye.payload == "\x03\xe8");
}

TEST_CASE("a message that is too long ends the connection") {
    World world(echo);
    Client client(world.server->port());
    (void)client.handshake();
    client.send(kBinary, std::string(net::kMaxSocketMessage, 'x'));
    CHECK(client.read().payload.size() == net::kMaxSocketMessage + 5);
    client.send(std::string_view("\x82\xff\0\0\0\0\0\x80\0\x01\0\0\0\0", 14));  // the head of one byte more
    CHECK(client.read().opcode == kClose);
    CHECK(world.has_ended());
}

TEST_CASE("a client that goes cancels what runs for it") {
    World world([](net::WebSocket& socket, const CancelToken& cancel) {
        socket.write("begun");
        while (cancel.wait_for(std::chrono::milliseconds(50))) {
        }
    });
    Client client(world.server->port());
    (void)client.handshake();
    CHECK(client.read().payload == "begun");
    client.go();
    CHECK(world.has_ended());
}

TEST_CASE("a client that does not read stops the writer, and its going ends it") {
    World world([](net::WebSocket& socket, const CancelToken&) {
        for (;;) socket.write(std::string(65'536, 'x'));
    });
    Client client(world.server->port());
    (void)client.handshake();
    CHECK(client.read().payload.size() == 65'536);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    client.go();
    CHECK(world.has_ended());
}

TEST_CASE("a server that stops waits for no client that does not read") {
    World world([](net::WebSocket& socket, const CancelToken&) {
        for (;;) socket.write(std::string(65'536, 'x'));
    });
    Client client(world.server->port());
    (void)client.handshake();
    CHECK(client.read().payload.size() == 65'536);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    world.server->stop();
    CHECK(world.has_ended());
}

TEST_CASE("a server that stops ends its websockets") {
    World world(echo);
    Client client(world.server->port());
    (void)client.handshake();
    client.send(kText, "one");
    CHECK(client.read().payload == "echo one");
    world.server->stop();
    CHECK(world.has_ended());
}

TEST_CASE("bytes that come with the handshake are the first message") {
    World world(echo);
    Client client(world.server->port());
    (void)client.handshake(std::string_view("\x82\x85\0\0\0\0early", 11));
    CHECK(client.read().payload == "echo early");
}

TEST_CASE("an upgrade that a handler refuses is an ordinary answer") {
    World world(echo);
    Client client(world.server->port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n");
    CHECK(client.head().starts_with("HTTP/1.1 400 "));
}
