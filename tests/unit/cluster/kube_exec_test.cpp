// Exec against an API server that a test scripts: what is asked for, and what is made of each answer. Against
// real ones it is in tests/conformance.
#include "cluster/kube/exec.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <limits>
#include <memory>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "cluster/exec_channels.h"
#include "net/http_server.h"
#include "net/websocket.h"
#include "tests/unit/eventually.h"
#include "value/json.h"

using namespace fencepost;
using namespace fencepost::cluster;
using namespace std::chrono_literals;

namespace {

constexpr const char* kSuccess = R"({"metadata":{},"status":"Success"})";

std::string on(ExecChannel channel, std::string_view bytes) { return std::string(1, channel).append(bytes); }

std::string exit_code(const std::string& code) {
    return on(kError,
              R"({"status":"Failure","reason":"NonZeroExitCode","code":500,"message":"x","details":{"causes":[
        {"reason":"Other","message":"77"},{"reason":"ExitCode","message":")" +
                  code + "\"}]}}");
}

// One Pod, and what runs for each exec in it.
class ApiServer {
  public:
    using Command = std::function<void(net::WebSocket&, const net::ServerRequest&)>;

    explicit ApiServer(Command command, std::chrono::milliseconds patience = 0ms)
        : command_(std::move(command)) {
        server_ = net::start_http_server(
            {}, [this](const net::ServerRequest& request) { return answer(request); }, log_);
        kube::Connection connection;
        connection.server = "http://127.0.0.1:" + std::to_string(server_->port());
        connection.authorization = [] { return "Bearer token"; };
        connection.headers = {{"Impersonate-User", "jane"}};
        client = std::make_unique<kube::ApiClient>(std::move(connection), *http_, clock_,
                                                   kube::ClientOptions{.patience = patience});
    }

    ExecResult run(ExecOptions options, const CancelToken& cancel = {}) {
        if (options.command.empty()) options.command = {"true"};
        return kube::exec(*client, *sockets_, "app", "pg-0", options, cancel);
    }
    // The kind of the Error that a run ends with.
    ErrorKind failure(ExecOptions options) {
        try {
            (void)run(std::move(options));
        } catch (const Error& e) {
            text = e.what();
            return e.kind();
        }
        FAIL("no Error was thrown");
        return ErrorKind::kInternal;
    }
    [[nodiscard]] bool has_ended() const {
        return eventually([&] { return ended.load() > 0; });
    }

    std::string pod = R"({"metadata":{"uid":"u1"},"spec":{"containers":[{"name":"pg"},{"name":"sidecar"}]}})";
    std::string protocol{kExecV5};
    std::string seen;  // of the exec: its query, its user, its authorization
    std::string refusal;
    int refusal_status = 0;
    int refusals = std::numeric_limits<int>::max();  // after them it is willing
    std::string text;                                // of the last Error
    std::atomic<int> ended{0};
    std::unique_ptr<kube::ApiClient> client;

  private:
    net::ServerResponse answer(const net::ServerRequest& request) {
        if (request.path == "/api/v1/namespaces/app/pods/pg-0") return {.body = pod};
        net::ServerResponse response;
        seen = request.query + " " + std::string(request.header("Impersonate-User")) + " " +
               std::string(request.header("Authorization"));
        if (refusal_status != 0 && refusals-- > 0) return {.status = refusal_status, .body = refusal};
        if (request.header("Sec-WebSocket-Protocol").find(protocol) == std::string_view::npos)
            return {.status = 403, .body = "requested protocol(s) are not supported"};
        response.websocket = {protocol, [this, &request](net::WebSocket& socket) {
                                  const std::shared_ptr<void> at_end(nullptr, [this](void*) { ++ended; });
                                  command_(socket, request);
                              }};
        return response;
    }

    Command command_;
    UniqueFd null_ = open_file("/dev/null", 1);
    Log log_{null_.get(), Log::Format::kText, LogLevel::kError};
    SystemClock clock_;
    const std::unique_ptr<net::HttpClient> http_ = net::make_http_client();
    const std::unique_ptr<net::WebSocketClient> sockets_ = net::make_websocket_client();
    std::unique_ptr<net::HttpServer> server_;
};

void succeed(net::WebSocket& socket, const net::ServerRequest&) { socket.write(on(kError, kSuccess)); }

void wait_for_the_end(net::WebSocket& socket, const net::ServerRequest& request) {
    while (socket.read(request.cancel)) {
    }
}

}  // namespace

TEST_CASE("exec asks for the command's words, its streams and its container, as the connection's user") {
    ApiServer server(succeed);
    CHECK(server.run({.container = "side car", .command = {"sh", "-c", "a && b", "", "ä"}}).exit_code == 0);
    CHECK(server.seen ==
          "container=side%20car&stdout=true&command=sh&command=-c&command=a%20%26%26%20b&command=&command=%"
          "C3%A4 "
          "jane Bearer token");
    server.run({.container = "pg", .on_stderr = [](std::string_view) {}});
    CHECK(server.seen.starts_with("container=pg&stderr=true&command=true "));
    server.run({.container = "pg",
                .stdin_source = [](char*, std::size_t, const CancelToken&) { return std::size_t{0}; }});
    CHECK(server.seen.starts_with("container=pg&stdin=true&command=true "));
}

TEST_CASE("exec without a container takes the pod's default one, else its first") {
    ApiServer server(succeed);
    server.run({});
    CHECK(server.seen.starts_with("container=pg&"));
    server.pod = R"({"metadata":{"annotations":{"kubectl.kubernetes.io/default-container":"sidecar"}},
                     "spec":{"containers":[{"name":"pg"},{"name":"sidecar"}]}})";
    server.run({});
    CHECK(server.seen.starts_with("container=sidecar&"));
}

TEST_CASE("exec in a pod that another one has replaced begins nothing") {
    ApiServer server(succeed);
    CHECK(server.run({.container = "pg", .pod_uid = "u1"}).exit_code == 0);
    server.seen.clear();
    CHECK(server.failure({.container = "pg", .pod_uid = "u0"}) == ErrorKind::kNotFound);
    CHECK(server.seen.empty());
}

TEST_CASE("exec: outputs come apart and in order, stdin goes in and ends, and the exit code comes back") {
    std::string got;
    ApiServer server([&](net::WebSocket& socket, const net::ServerRequest&) {
        socket.write(on(kStdout, ""));
        while (const auto message = socket.read({})) {
            if (*message == std::string({kClose, kStdin})) break;
            if (message->front() == kStdin) got += message->substr(1);
        }
        socket.write(on(kStdout, "out1"));
        socket.write(on(kStderr, "err"));
        socket.write(on(kStdout, "out2"));
        socket.write(exit_code("3"));
    });
    std::string out;
    std::string err;
    std::size_t left = 1'000'000;
    ExecOptions options;
    options.stdin_source = [&](char* buffer, std::size_t size, const CancelToken&) {
        const std::size_t given = std::min(size, left);
        std::fill_n(buffer, given, 'i');
        left -= given;
        return given;
    };
    options.on_stdout = [&](std::string_view bytes) { out += bytes; };
    options.on_stderr = [&](std::string_view bytes) { err += bytes; };
    CHECK(server.run(options).exit_code == 3);
    CHECK(got == std::string(1'000'000, 'i'));
    CHECK(out == "out1out2");
    CHECK(err == "err");
}

TEST_CASE("exec: what ends without an exit code is an Error") {
    std::string last;
    ApiServer server([&](net::WebSocket& socket, const net::ServerRequest&) {
        socket.write(on(kStdout, "begun"));
        if (!last.empty()) socket.write(on(kError, last));
    });
    const auto failure = [&](const std::string& status) {
        last = status;
        return server.failure({.container = "pg"});
    };
    CHECK(failure("") == ErrorKind::kUnavailable);  // goodbye, and no word of the command
    CHECK(failure("nonsense") == ErrorKind::kUnavailable);
    CHECK(
        failure(R"({"status":"Failure","reason":"InternalError","code":500,"message":"kubelet is away"})") ==
        ErrorKind::kUnavailable);
    CHECK(server.text == "kubelet is away");
    CHECK(failure(R"({"status":"Failure","reason":"NotFound","code":404,"message":"no such container"})") ==
          ErrorKind::kNotFound);
    CHECK(failure(R"({"status":"Failure","reason":"NonZeroExitCode","code":500,"message":"none","details":
                   {"causes":[{"reason":"ExitCode","message":"3x"}]}})") == ErrorKind::kUnavailable);
}

TEST_CASE("exec that the API server refuses has its words and kind") {
    ApiServer server(succeed);
    server.refusal_status = 403;
    server.refusal = R"({"kind":"Status","status":"Failure","reason":"Forbidden","code":403,
        "message":"pods \"pg-0\" is forbidden: User \"jane\" cannot create resource \"pods/exec\""})";
    CHECK(server.failure({.container = "pg"}) == ErrorKind::kForbidden);
    CHECK(server.text.find("cannot create resource") != std::string::npos);
    server.refusal_status = 502;
    server.refusal = "<html>a proxy</html>";
    CHECK(server.failure({.container = "pg"}) == ErrorKind::kUnavailable);
}

TEST_CASE("exec that cannot have begun is asked for again, and one that may have is not") {
    std::atomic<int> begun{0};
    ApiServer server(
        [&](net::WebSocket& socket, const net::ServerRequest&) {
            ++begun;
            socket.write(on(kError, kSuccess));
        },
        10s);
    for (const int status : {429, 500, 503}) {
        server.refusal_status = status;
        server.refusals = 2;
        CHECK(server.run({.container = "pg"}).exit_code == 0);
    }
    CHECK(begun == 3);
    for (const int status : {403, 502, 504}) {
        server.refusal_status = status;
        server.refusals = 1;
        (void)server.failure({.container = "pg"});
        CHECK(server.refusals == 0);
    }
    CHECK(begun == 3);
}

TEST_CASE("exec tries to connect for as long as the client's patience and its own deadline last") {
    const auto nowhere = [](std::chrono::milliseconds patience, Deadline deadline) {
        kube::Connection connection;
        connection.server = "http://127.0.0.1:1";
        connection.authorization = [] { return ""; };
        SystemClock clock;
        const auto http = net::make_http_client();
        const auto sockets = net::make_websocket_client();
        kube::ApiClient client(connection, *http, clock, {.patience = patience});
        const auto began = std::chrono::steady_clock::now();
        CHECK_THROWS_AS(kube::exec(client, *sockets, "app", "pg-0",
                                   {.container = "pg", .command = {"true"}, .deadline = deadline}, {}),
                        Error);
        return std::chrono::steady_clock::now() - began;
    };
    CHECK(nowhere(400ms, kNoDeadline) > 50ms);
    CHECK(nowhere(1h, std::chrono::steady_clock::now() + 400ms) < 30s);
}

TEST_CASE("exec with a server of v4 alone: a command without stdin runs, one with stdin is not begun") {
    std::atomic<int> begun{0};
    ApiServer server([&](net::WebSocket& socket, const net::ServerRequest&) {
        ++begun;
        socket.write(exit_code("4"));
    });
    server.protocol = kExecV4;
    CHECK(server.run({.container = "pg"}).exit_code == 4);
    ExecOptions options{.container = "pg"};
    options.stdin_source = [](char*, std::size_t, const CancelToken&) { return std::size_t{0}; };
    CHECK(server.failure(options) == ErrorKind::kUnsupported);
    CHECK(begun == 1);
}

TEST_CASE("exec ends at its deadline and with cancellation, and the server sees it") {
    ApiServer server(wait_for_the_end);
    SECTION("deadline") {
        CHECK(server.failure({.container = "pg", .deadline = std::chrono::steady_clock::now() + 2s}) ==
              ErrorKind::kTimeout);
        CHECK(server.text == "the command did not end before its deadline");
    }
    SECTION("cancellation") {
        CancelSource source;
        std::thread later([&] {
            std::this_thread::sleep_for(300ms);
            source.cancel(CancelReason::kShutdown);
        });
        try {
            (void)server.run({.container = "pg"}, source.token());
            FAIL("not cancelled");
        } catch (const Cancelled& cancelled) {
            CHECK(cancelled.reason() == CancelReason::kShutdown);
        }
        later.join();
    }
    CHECK(server.has_ended());
}

TEST_CASE("exec: a stdin that waits is stopped with the command's end") {
    ApiServer server([](net::WebSocket& socket, const net::ServerRequest&) { socket.write(exit_code("9")); });
    bool was_stopped = false;
    ExecOptions options{.container = "pg"};
    SECTION("by its token") {
        options.stdin_source = [&](char*, std::size_t, const CancelToken& ended) {
            was_stopped = !ended.wait_for(20s);
            return std::size_t{0};
        };
    }
    SECTION("that throws") {
        options.stdin_source = [&](char*, std::size_t, const CancelToken& ended) {
            was_stopped = !ended.wait_for(20s);
            ended.throw_if_cancelled();
            return std::size_t{0};
        };
    }
    CHECK(server.run(options).exit_code == 9);
    CHECK(was_stopped);
}

TEST_CASE("exec: what stdin's source or an output's sink throws ends it") {
    ApiServer server([](net::WebSocket& socket, const net::ServerRequest& request) {
        socket.write(on(kStdout, "begun"));
        wait_for_the_end(socket, request);
    });
    ExecOptions options{.container = "pg"};
    SECTION("stdin") {
        options.stdin_source = [](char*, std::size_t, const CancelToken&) -> std::size_t {
            throw Error(ErrorKind::kDataLoss, "the object is broken");
        };
    }
    SECTION("stdout") {
        options.on_stdout = [](std::string_view) {
            throw Error(ErrorKind::kDataLoss, "the object is broken");
        };
    }
    CHECK(server.failure(options) == ErrorKind::kDataLoss);
    CHECK(server.has_ended());
}
