#include "api/pod_listener.h"

#include <algorithm>

#include "api/auth/gate.h"
#include "api/facade/status.h"
#include "base/encodings.h"

namespace fencepost::api {
namespace {

bool is_public(std::string_view path) {
    return path == "/healthz" || path == "/readyz" || path == "/livez" || path == "/version" ||
           path == "/version/";
}

// By their digests, so that the time that it takes tells nothing of the token. Python's client says "bearer".
bool holds_token(const net::ServerRequest& request, const std::string& token) {
    const std::string_view authorization = request.header("Authorization");
    const std::string_view scheme = authorization.substr(0, authorization.find(' '));
    if (scheme != "Bearer" && scheme != "bearer") return false;
    return sha256(authorization.substr(std::min(scheme.size() + 1, authorization.size()))) == sha256(token);
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
