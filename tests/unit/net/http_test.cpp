#include <catch2/catch.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <set>

#include "base/encodings.h"
#include "base/error.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "tests/unit/eventually.h"

using namespace fencepost;
using namespace std::chrono_literals;

namespace {

// A server and a client that talk to each other.
struct Pair {
    explicit Pair(net::Handler handler, net::ServerOptions options = {})
        : null(::open("/dev/null", O_WRONLY | O_CLOEXEC)),
          log(null, Log::Format::kText, LogLevel::kError),
          server(net::start_http_server(options, std::move(handler), log)),
          client(net::make_http_client()) {}
    ~Pair() {
        server->stop();
        ::close(null);
    }
    [[nodiscard]] std::string url(const std::string& path) const {
        return "http://127.0.0.1:" + std::to_string(server->port()) + path;
    }
    net::HttpResponse get(const std::string& path) {
        net::HttpRequest request;
        request.url = url(path);
        return client->request(std::move(request), {});
    }

    int null;
    Log log;
    std::unique_ptr<net::HttpServer> server;
    std::unique_ptr<net::HttpClient> client;
};

net::ServerResponse text(std::string body, int status = 200) {
    net::ServerResponse response;
    response.status = status;
    response.headers = {{"Content-Type", "text/plain"}};
    response.body = std::move(body);
    return response;
}

ErrorKind kind_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        return error.kind();
    }
    FAIL("no Error was thrown");
    return ErrorKind::kInternal;
}

std::string pattern(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 131 % 251);
    return bytes;
}

}  // namespace

TEST_CASE("a request reaches the handler with its method, path, query, headers and body") {
    Pair pair([](const net::ServerRequest& request) {
        return text(request.method + " " + request.path + " [" + request.query_parameter("q") + "] " +
                    std::string(request.header("x-WORD")) + " " + request.body);
    });
    net::HttpRequest request;
    request.method = "PUT";
    request.url = pair.url("/a%20b?q=1%2B1+x&r=");
    request.headers = {{"X-Word", "hello"}};
    request.body = "payload";
    const auto response = pair.client->request(request, {});
    CHECK(response.status == 200);
    CHECK(response.header("content-type") == "text/plain");
    CHECK(response.body == "PUT /a b [1+1 x] hello payload");
}

TEST_CASE("requests of one after the other use one connection") {
    Guarded<std::set<std::string>> peers;
    Pair pair([&](const net::ServerRequest& request) {
        peers.lock()->insert(request.peer);
        return text(request.body);
    });
    for (int i = 0; i < 20; ++i) {
        net::HttpRequest request;
        request.method = i % 2 == 0 ? "PUT" : "GET";
        request.url = pair.url("/part");
        if (i % 2 == 0) request.body = pattern(300'000);
        CHECK(pair.client->request(request, {}).body.size() == (i % 2 == 0 ? 300'000U : 0U));
    }
    CHECK(peers.lock()->size() == 1);
}

TEST_CASE("a body source and a body sink carry megabytes through bounded buffers") {
    Pair pair([](const net::ServerRequest& request) {
        net::ServerResponse response;
        response.stream = [body = request.body](net::ResponseStream& stream) {
            for (std::size_t i = 0; i < body.size(); i += 10'000)
                stream.write(std::string_view(body).substr(i, 10'000));
        };
        return response;
    });
    const std::string bytes = pattern(5'000'000);
    for (const bool is_size_known : {true, false}) {
        std::size_t given = 0;
        std::string received;
        net::HttpRequest request;
        request.method = "POST";
        request.url = pair.url("/echo");
        request.body_source = [&](char* buffer, std::size_t size) {
            const std::size_t piece = std::min({size, bytes.size() - given, std::size_t{7'001}});
            bytes.copy(buffer, piece, given);
            given += piece;
            return piece;
        };
        if (is_size_known) request.body_size = bytes.size();
        request.body_sink = [&](std::string_view piece) { received += piece; };
        const auto response = pair.client->request(request, {});
        CHECK(response.status == 200);
        CHECK(response.body.empty());
        CHECK(received == bytes);
    }
}

TEST_CASE("a slow sink holds the server back") {
    std::atomic<std::size_t> written{0};
    Pair pair([&](const net::ServerRequest&) {
        net::ServerResponse response;
        response.stream = [&](net::ResponseStream& stream) {
            for (int i = 0; i < 1'000; ++i) {
                stream.write(std::string(64 * 1024, 'x'));
                written += 64 * 1024;
            }
        };
        return response;
    });
    std::size_t received = 0;
    std::size_t ahead = 0;
    net::HttpRequest request;
    request.url = pair.url("/");
    request.body_sink = [&](std::string_view bytes) {
        if (received == 0) (void)CancelToken().wait_for(300ms);
        const std::size_t sent = written;
        ahead = std::max(ahead, sent - std::min(sent, received));
        received += bytes.size();
    };
    (void)pair.client->request(request, {});
    CHECK(received == 64'000 * std::size_t{1024});
    CHECK(ahead < 16U << 20U);  // sockets buffer megabytes, never the 64 of the whole body
}

TEST_CASE("an answer that is no success is collected, not given to the sink") {
    Pair pair([](const net::ServerRequest&) { return text("not here", 404); });
    bool sank = false;
    net::HttpRequest request;
    request.url = pair.url("/");
    request.body_sink = [&](std::string_view) { sank = true; };
    const auto response = pair.client->request(request, {});
    CHECK(response.status == 404);
    CHECK(response.body == "not here");
    CHECK_FALSE(sank);
}

TEST_CASE("an exception from the sink or the source ends the request and arrives") {
    Pair pair([](const net::ServerRequest&) { return text(pattern(1'000'000)); });
    net::HttpRequest request;
    request.url = pair.url("/");
    request.body_sink = [](std::string_view) { throw Error(ErrorKind::kExhausted, "disk full"); };
    CHECK(kind_of([&] { (void)pair.client->request(request, {}); }) == ErrorKind::kExhausted);
    request.body_sink = nullptr;
    request.method = "PUT";
    request.body_source = [](char*, std::size_t) -> std::size_t {
        throw Error(ErrorKind::kDataLoss, "bad pipe");
    };
    CHECK(kind_of([&] { (void)pair.client->request(request, {}); }) == ErrorKind::kDataLoss);
}

TEST_CASE("a source that ends before its announced size is an error") {
    Pair pair([](const net::ServerRequest&) { return text("ok"); });
    net::HttpRequest request;
    request.method = "PUT";
    request.url = pair.url("/");
    request.body_size = 10;
    request.body_source = [](char*, std::size_t) { return std::size_t{0}; };
    CHECK(kind_of([&] { (void)pair.client->request(request, {}); }) == ErrorKind::kInvalid);
}

TEST_CASE(
    "a refused connection is unavailable, a broken URL is invalid, a line break in a header is invalid") {
    Pair pair([](const net::ServerRequest&) { return text("ok"); });
    net::HttpRequest request;
    request.url = "http://127.0.0.1:1/";
    CHECK(kind_of([&] { (void)pair.client->request(request, {}); }) == ErrorKind::kUnavailable);
    for (const char* url : {"nonsense://x/", "http://", "unix:nowhere", "ftp://127.0.0.1/"}) {
        request.url = url;
        CHECK(kind_of([&] { (void)pair.client->request(request, {}); }) == ErrorKind::kInvalid);
    }
    request.url = pair.url("/");
    request.headers = {{"X-Evil", "a\r\nHost: b"}};
    CHECK(kind_of([&] { (void)pair.client->request(request, {}); }) == ErrorKind::kInvalid);
}

TEST_CASE("a silent server runs into the idle timeout, and any server into the deadline") {
    Pair pair([](const net::ServerRequest& request) {
        (void)request.cancel.wait_for(10s);
        return text("late");
    });
    net::HttpRequest request;
    request.url = pair.url("/");
    request.idle_timeout = 100ms;
    CHECK(kind_of([&] { (void)pair.client->request(request, {}); }) == ErrorKind::kTimeout);
    request.idle_timeout = 60s;
    request.deadline = std::chrono::steady_clock::now() + 100ms;
    CHECK(kind_of([&] { (void)pair.client->request(request, {}); }) == ErrorKind::kTimeout);
}

TEST_CASE("cancelling a request frees its caller and tells the handler") {
    Guarded<bool> handler_heard{false};
    Guarded<bool> handler_began{false};
    Pair pair([&](const net::ServerRequest& request) {
        *handler_began.lock() = true;
        handler_began.lock().notify_all();
        if (!request.cancel.wait_for(10s)) {
            auto heard = handler_heard.lock();
            *heard = true;
            heard.notify_all();
        }
        return text("late");
    });
    CancelSource source;
    TaskGroup other;
    other.spawn([&] {
        {
            auto began = handler_began.lock();
            began.wait([&] { return *began; });
        }
        source.cancel(CancelReason::kUser);
    });
    net::HttpRequest request;
    request.url = pair.url("/");
    CHECK_THROWS_AS(pair.client->request(request, source.token()), Cancelled);
    auto heard = handler_heard.lock();
    CHECK(heard.wait_until(std::chrono::steady_clock::now() + kPatience, [&] { return *heard; }));
}

TEST_CASE("headers and bodies above their limits are refused, at the limits they pass") {
    net::ServerOptions options;
    options.max_body_bytes = 100'000;
    options.max_header_bytes = 8'192;
    Pair pair([](const net::ServerRequest& request) { return text(std::to_string(request.body.size())); },
              options);
    net::HttpRequest request;
    request.method = "POST";
    request.url = pair.url("/");
    request.body = pattern(100'000);
    CHECK(pair.client->request(request, {}).body == "100000");
    request.body = pattern(100'001);
    CHECK(pair.client->request(request, {}).status == 413);
    request.body = pattern(5'000'000);
    CHECK(pair.client->request(request, {}).status == 413);
    request.body.clear();
    request.headers = {{"X-Long", std::string(7'000, 'a')}};
    CHECK(pair.client->request(request, {}).status == 200);
    request.headers = {{"X-Long", std::string(20'000, 'a')}};
    CHECK(pair.client->request(request, {}).status == 431);
}

TEST_CASE("above the most requests at once the answer is 503 with Retry-After") {
    net::ServerOptions options;
    options.max_requests_at_once = 2;
    CancelSource release;
    Guarded<int> inside{0};
    Pair pair(
        [&](const net::ServerRequest&) {
            {
                auto count = inside.lock();
                ++*count;
                count.notify_all();
            }
            (void)release.token().wait_for(kPatience);
            return text("done");
        },
        options);
    TaskGroup others;
    std::atomic<int> served{0};
    for (int i = 0; i < 2; ++i) {
        others.spawn([&] { served += pair.get("/").status == 200 ? 1 : 0; });
    }
    {
        auto count = inside.lock();
        REQUIRE(count.wait_until(std::chrono::steady_clock::now() + kPatience, [&] { return *count == 2; }));
    }
    const auto refused = pair.get("/");
    CHECK(refused.status == 503);
    CHECK(refused.header("Retry-After") == "1");
    release.cancel(CancelReason::kUser);
    others.join();
    CHECK(served == 2);
    CHECK(pair.get("/").status == 200);
}

TEST_CASE("a handler that throws answers 500, and a stream that throws is cut off") {
    Pair pair([](const net::ServerRequest& request) -> net::ServerResponse {
        if (request.path == "/throw") throw Error(ErrorKind::kInternal, "broken");
        net::ServerResponse response;
        response.stream = [](net::ResponseStream& stream) {
            stream.write("half");
            throw Error(ErrorKind::kInternal, "broken");
        };
        return response;
    });
    CHECK(pair.get("/throw").status == 500);
    CHECK(kind_of([&] { (void)pair.get("/stream"); }) == ErrorKind::kUnavailable);
}

TEST_CASE("HEAD answers the headers of GET without its body") {
    Pair pair([](const net::ServerRequest&) { return text("12345"); });
    net::HttpRequest request;
    request.method = "HEAD";
    request.url = pair.url("/");
    const auto response = pair.client->request(request, {});
    CHECK(response.status == 200);
    CHECK(response.header("content-length") == "5");
    CHECK(response.body.empty());
    CHECK(pair.get("/").body == "12345");
}

TEST_CASE("a server on a unix socket is reached by its path, and replaces a socket that nobody listens on") {
    const auto folder = std::filesystem::temp_directory_path() / ("fencepost-net-" + random_name_suffix(8));
    std::filesystem::create_directories(folder);
    net::ServerOptions options;
    options.unix_socket = (folder / "s").string();
    const auto handler = [](const net::ServerRequest& request) { return text(request.peer + request.path); };
    {
        Pair pair(handler, options);
        net::HttpRequest request;
        request.url = "unix:" + options.unix_socket + ":/x?y=1";
        CHECK(pair.client->request(request, {}).body == "unix/x");
        CHECK(kind_of([&] { Pair second(handler, options); }) == ErrorKind::kFailedPrecondition);
    }
    CHECK_FALSE(std::filesystem::exists(options.unix_socket));
    std::filesystem::remove_all(folder);
}

TEST_CASE("a second server on a port is refused") {
    Pair pair([](const net::ServerRequest&) { return text("ok"); });
    net::ServerOptions options;
    options.port = pair.server->port();
    CHECK(kind_of([&] { Pair second([](const net::ServerRequest&) { return text("ok"); }, options); }) ==
          ErrorKind::kFailedPrecondition);
}

TEST_CASE("stopping cancels what runs and lets its answer out") {
    Guarded<bool> began{false};
    Pair pair([&](const net::ServerRequest& request) {
        *began.lock() = true;
        began.lock().notify_all();
        const bool whole = request.cancel.wait_for(20s);
        return text(whole ? "whole" : "cancelled");
    });
    std::string body;
    TaskGroup other;
    other.spawn([&] { body = pair.get("/").body; });
    {
        auto b = began.lock();
        b.wait([&] { return *b; });
    }
    pair.server->stop();
    other.join();
    CHECK(body == "cancelled");
    CHECK(kind_of([&] { (void)pair.get("/"); }) == ErrorKind::kUnavailable);
}

TEST_CASE("a hundred callers at once all get their own answer") {
    Pair pair([](const net::ServerRequest& request) { return text(request.path); });
    std::atomic<int> right{0};
    {
        TaskGroup callers;
        for (int i = 0; i < 100; ++i) {
            callers.spawn([&, i] {
                for (int j = 0; j < 5; ++j) {
                    const std::string path = "/" + std::to_string(i * 10 + j);
                    try {
                        right += pair.get(path).body == path ? 1 : 0;
                    } catch (const std::exception&) {
                        right -= 1000;
                    }
                }
            });
        }
    }
    CHECK(right == 500);
}
