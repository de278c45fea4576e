#include "api/pod_listener.h"

#include "api/auth/gate.h"
#include "api/facade/status.h"
#include "base/encodings.h"

namespace fencepost::api {
namespace {

bool is_public(std::string_view path) {
    return path == "/healthz" || path == "/readyz" || path == "/livez" || path == "/version";
}

// By their digests, so that the time that it takes tells nothing of the token.
bool holds_token(const net::ServerRequest& request, const std::string& token) {
    return sha256(request.header("Authorization")) == sha256("Bearer " + token);
}

}  // namespace

std::unique_ptr<net::HttpServer> start_pod_listener(const PodListenerOptions& options, net::Handler handler,
                                                    Log& log) {
    net::ServerOptions server;
    server.port = options.port;
    server.certificate_pem = options.certificate_pem;
    server.key_pem = options.key_pem;
    return net::start_http_server(
        server,
        [token = options.token, handler = std::move(handler)](const net::ServerRequest& request) {
            if (!is_public(request.path) && !is_kubernetes_path(request.path))
                return facade::problem_as_status(
                    Problem(404, "the server could not find the requested resource"));
            if (!is_public(request.path) && !holds_token(request, token))
                return facade::problem_as_status(Problem(401, "Unauthorized"));
            return handler(request);
        },
        log);
}

}  // namespace fencepost::api
