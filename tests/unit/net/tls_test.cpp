#include <catch2/catch.hpp>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "connect_proxy.h"
#include "net/certificates.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/websocket_client.h"

using namespace fencepost;

namespace {

// A CA, and a certificate for 127.0.0.1 that it signed; made once with the openssl program.
struct Certificates {
    Certificates()
        : folder(std::filesystem::temp_directory_path() / ("fencepost-tls-" + random_name_suffix(8))) {
        std::filesystem::create_directories(folder);
        const std::string in = "cd " + folder.string() + " && ";
        const std::string quiet = " 2>/dev/null";
        const std::string key =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 ";
        make(in + key + "-keyout ca.key -out ca.pem -subj /CN=test-ca" + quiet);
        make(in +
             "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout s.key -out s.csr "
             "-subj /CN=s" +
             quiet);
        make(in +
             "printf 'subjectAltName=IP:127.0.0.1' > ext && openssl x509 -req -in s.csr -CA ca.pem -CAkey "
             "ca.key "
             "-CAcreateserial -days 2 -extfile ext -out s.pem" +
             quiet);
    }
    ~Certificates() { std::filesystem::remove_all(folder); }
    static void make(const std::string& command) { REQUIRE(std::system(command.c_str()) == 0); }
    [[nodiscard]] std::string pem(const char* name) const { return read_file(folder / name); }
    std::filesystem::path folder;
};

struct TlsServer {
    explicit TlsServer(const net::ServerOptions& options)
        : null(::open("/dev/null", O_WRONLY | O_CLOEXEC)),
          log(null, Log::Format::kText, LogLevel::kError),
          server(net::start_http_server(
              options,
              [](const net::ServerRequest& request) {
                  net::ServerResponse response;
                  response.headers.emplace_back("Client", request.client_certificate_name);
                  response.headers.emplace_back("Host", request.header("Host"));
                  response.headers.emplace_back("Target", request.target);
                  response.body = request.body;
                  return response;
              },
              log)) {}
    ~TlsServer() { ::close(null); }
    [[nodiscard]] net::HttpRequest request() const {
        net::HttpRequest result;
        result.method = "POST";
        result.url = "https://127.0.0.1:" + std::to_string(server->port()) + "/";
        result.body = std::string(200'000, 'b');
        return result;
    }
    int null;
    Log log;
    std::unique_ptr<net::HttpServer> server;
};

ErrorKind kind_of(net::HttpClient& client, const net::HttpRequest& request) {
    try {
        (void)client.request(request, {});
    } catch (const Error& error) {
        return error.kind();
    }
    FAIL("no Error was thrown");
    return ErrorKind::kInternal;
}

}  // namespace

TEST_CASE("TLS: a CA from memory is trusted, an unknown one is forbidden, and verification can be left out") {
    const Certificates certificates;
    net::ServerOptions options;
    options.certificate_pem = certificates.pem("s.pem");
    options.key_pem = certificates.pem("s.key");
    TlsServer server(options);
    const auto client = net::make_http_client();
    net::HttpRequest request = server.request();
    CHECK(kind_of(*client, request) == ErrorKind::kForbidden);
    request.tls.ca_bundle_pem = certificates.pem("ca.pem");
    CHECK(client->request(request, {}).body.size() == 200'000);
    request.tls.ca_bundle_pem.clear();
    request.tls.verify = false;
    CHECK(client->request(request, {}).status == 200);
    request.tls.verify = true;
    CHECK(kind_of(*client, request) == ErrorKind::kForbidden);  // the unverified connection is not used again
}

TEST_CASE("mTLS: a client without a certificate of the right CA is turned away") {
    const Certificates certificates;
    net::ServerOptions options;
    options.certificate_pem = certificates.pem("s.pem");
    options.key_pem = certificates.pem("s.key");
    options.client_ca_pem = certificates.pem("ca.pem");
    TlsServer server(options);
    const auto client = net::make_http_client();
    net::HttpRequest request = server.request();
    request.tls.ca_bundle_pem = certificates.pem("ca.pem");
    CHECK(kind_of(*client, request) == ErrorKind::kUnavailable);
    request.tls.client_certificate_pem = certificates.pem("s.pem");
    request.tls.client_key_pem = certificates.pem("s.key");
    CHECK(client->request(request, {}).status == 200);
}

TEST_CASE("a client certificate that may be left out tells who it is where it is shown") {
    const Certificates certificates;
    net::ServerOptions options;
    options.certificate_pem = certificates.pem("s.pem");
    options.key_pem = certificates.pem("s.key");
    options.client_ca_pem = certificates.pem("ca.pem");
    options.requires_client_certificate = false;
    TlsServer server(options);
    net::HttpRequest request = server.request();
    request.tls.ca_bundle_pem = certificates.pem("ca.pem");
    CHECK(net::make_http_client()->request(request, {}).header("Client").empty());
    request.tls.client_certificate_pem = certificates.pem("s.pem");
    request.tls.client_key_pem = certificates.pem("s.key");
    CHECK(net::make_http_client()->request(request, {}).header("Client") == "s");
    // Signed by nobody that is known: no handshake, not just no name.
    const Certificates others;
    request.tls.client_certificate_pem = others.pem("s.pem");
    request.tls.client_key_pem = others.pem("s.key");
    CHECK(kind_of(*net::make_http_client(), request) == ErrorKind::kUnavailable);
}

TEST_CASE("mTLS: a websocket's client shows its certificate") {
    const Certificates certificates;
    net::ServerOptions options;
    options.certificate_pem = certificates.pem("s.pem");
    options.key_pem = certificates.pem("s.key");
    options.client_ca_pem = certificates.pem("ca.pem");
    TlsServer server(options);
    net::WebSocketRequest request;
    request.url = server.request().url;
    request.tls.ca_bundle_pem = certificates.pem("ca.pem");
    request.tls.client_certificate_pem = certificates.pem("s.pem");
    request.tls.client_key_pem = certificates.pem("s.key");
    const auto answer = net::make_websocket_client()->connect(request, {});
    REQUIRE(std::holds_alternative<net::HttpResponse>(answer));  // this server has no WebSockets
    CHECK(std::get<net::HttpResponse>(answer).header("Client") == "s");
}

TEST_CASE("certificates are exchanged while the server serves; what is none changes nothing") {
    const Certificates first;
    const Certificates second;
    net::ServerOptions options;
    options.certificate_pem = first.pem("s.pem");
    options.key_pem = first.pem("s.key");
    TlsServer server(options);
    net::HttpRequest request = server.request();
    request.tls.ca_bundle_pem = first.pem("ca.pem");
    const auto early = net::make_http_client();
    CHECK(early->request(request, {}).status == 200);
    CHECK_THROWS_AS(server.server->use_certificates("nonsense", "nonsense", ""), Error);
    CHECK(net::make_http_client()->request(request, {}).status == 200);

    server.server->use_certificates(second.pem("s.pem"), second.pem("s.key"), "");
    CHECK(early->request(request, {}).status == 200);  // a connection that is open goes on
    CHECK(kind_of(*net::make_http_client(), request) == ErrorKind::kForbidden);
    request.tls.ca_bundle_pem = second.pem("ca.pem");
    CHECK(net::make_http_client()->request(request, {}).status == 200);
}

TEST_CASE("nothing older than TLS 1.3 is spoken") {
    const Certificates certificates;
    net::ServerOptions options;
    options.certificate_pem = certificates.pem("s.pem");
    options.key_pem = certificates.pem("s.key");
    TlsServer server(options);
    const auto connects = [&](const std::string& version) {
        const std::string command =
            "openssl s_client -connect 127.0.0.1:" + std::to_string(server.server->port()) + " " + version +
            " </dev/null >/dev/null 2>&1";
        return std::system(command.c_str()) == 0;
    };
    CHECK(connects("-tls1_3"));
    CHECK_FALSE(connects("-tls1_2"));
}

TEST_CASE(
    "a server's name in place of the URL's host is asked for and verified; the request is for the host") {
    // For localhost and 127.0.0.1, but it listens at 127.0.0.2.
    const net::Certificates certificates =
        net::make_loopback_certificates(SystemClock().now(), std::chrono::hours(24));
    net::ServerOptions options;
    options.certificate_pem = certificates.certificate_pem;
    options.key_pem = certificates.key_pem;
    options.host = "127.0.0.2";
    TlsServer server(options);
    const std::string authority = "127.0.0.2:" + std::to_string(server.server->port());
    net::ConnectProxy proxy;
    net::HttpRequest request = server.request();
    request.url = "https://" + authority + "/a/../b?x=%2f";
    request.tls.ca_bundle_pem = certificates.authority_pem;
    const auto client = net::make_http_client();
    CHECK(kind_of(*client, request) == ErrorKind::kForbidden);
    request.tls.server_name = "localhost";
    net::HttpResponse answer = client->request(request, {});
    CHECK(answer.header("Host") == authority);
    CHECK(answer.header("Target") == "/a/../b?x=%2f");
    request.tls.server_name = "other.example";
    CHECK(kind_of(*client, request) == ErrorKind::kForbidden);
    request.tls.server_name = "no name";
    CHECK(kind_of(*client, request) == ErrorKind::kInvalid);

    request.tls.server_name = "localhost";
    request.proxy = "http://" + proxy.authority;
    CHECK(client->request(request, {}).header("Host") == authority);
    REQUIRE(proxy.tunnels().size() == 1);
    CHECK(proxy.tunnels()[0].head.starts_with("CONNECT " + authority + " HTTP/1.1\r\n"));
    CHECK(proxy.tunnels()[0].first_bytes.find("localhost") != std::string::npos);  // SNI
}

TEST_CASE("a proxy is told who asks and where to, and nothing of the request; its refusal is an error") {
    const Certificates certificates;
    net::ServerOptions options;
    options.certificate_pem = certificates.pem("s.pem");
    options.key_pem = certificates.pem("s.key");
    TlsServer server(options);
    net::ConnectProxy proxy;
    net::HttpRequest request = server.request();
    request.headers = {{"Authorization", "Bearer secret"}};
    request.tls.ca_bundle_pem = certificates.pem("ca.pem");
    request.proxy = "http://me:p%40ss@" + proxy.authority;
    const auto client = net::make_http_client();
    CHECK(client->request(request, {}).body.size() == 200'000);
    REQUIRE(proxy.tunnels().size() == 1);
    CHECK(proxy.tunnels()[0].head.find("Proxy-Authorization: Basic " + base64_encode("me:p@ss")) !=
          std::string::npos);
    CHECK(proxy.tunnels()[0].head.find("secret") == std::string::npos);

    net::ConnectProxy unwilling("HTTP/1.1 407 Proxy Authentication Required");
    request.proxy = "http://" + unwilling.authority;
    CHECK(kind_of(*client, request) == ErrorKind::kUnavailable);
}

TEST_CASE("a server with a certificate that does not parse does not start") {
    net::ServerOptions options;
    options.certificate_pem = "nonsense";
    CHECK_THROWS_AS(TlsServer(options), Error);
}
