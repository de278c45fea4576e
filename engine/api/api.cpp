#include "api/api.h"

#include "api/facade/facade.h"
#include "api/metrics.h"
#include "api/router.h"
#include "api/routes.h"
#include "base/error.h"
#include "net/http_server.h"

namespace fencepost::api {
namespace {

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return result;
}

bool is_loopback(const std::string& host) {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
}

std::string_view host_of(std::string_view authority) {
    if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
    return authority.substr(0, authority.find(':'));
}

// A browser on this host can be made to send requests here by any page that it shows. Its own are told by
// their Origin, and those to a name that somebody else makes point at this host by their Host.
void refuse_strangers(const net::ServerRequest& request) {
    const std::string_view host = request.header("Host");
    if (!is_loopback(lower(host_of(host)))) {
        throw Problem(403, "will not answer as " + std::string(host_of(host)),
                      "ask for 127.0.0.1 or localhost; a proxy must send such a Host header");
    }
    const std::string_view origin = request.header("Origin");
    if (!origin.empty() && origin != "http://" + std::string(host)) {
        throw Problem(403, "will not take requests from pages of " + std::string(origin));
    }
}

net::ServerResponse plain(std::string text) {
    net::ServerResponse response;
    response.headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
    response.body = std::move(text);
    return response;
}

class RunningApi final : public Api {
  public:
    RunningApi(const ApiOptions& options, cluster::Cluster& cluster, RunAccess run, Clock& clock, Log& log)
        : run_(std::move(run)),
          services_{cluster, run_, clock, log, options.controller_namespace},
          version_(options.version),
          metrics_(services_, options.store_bytes) {
        if (!is_loopback(options.host)) {
            throw Error(ErrorKind::kInvalid,
                        "will not listen on " + options.host + ": anybody who reaches it could run commands",
                        "listen on 127.0.0.1 and put a proxy with authentication in front");
        }
        add_action_routes(router_, services_);
        add_log_routes(router_, services_);
        add_obligation_routes(router_, services_);
        add_binding_routes(router_, services_);
        add_service_routes();
        facade::add_routes(router_, cluster);
        net::ServerOptions server;
        server.host = options.host;
        server.port = options.port;
        server_ = net::start_http_server(
            server, [this](const net::ServerRequest& request) { return answer(request); }, log);
        if (options.pods) {
            pod_listener_ = start_pod_listener(
                *options.pods, [this](const net::ServerRequest& request) { return answer(request); }, log);
        }
    }
    RunningApi(const RunningApi&) = delete;
    RunningApi& operator=(const RunningApi&) = delete;
    ~RunningApi() override { stop(); }

    std::uint16_t port() const noexcept override { return server_->port(); }
    void stop() override {
        server_->stop();
        if (pod_listener_) pod_listener_->stop();
    }

  private:
    void add_service_routes() {
        for (const char* path : {"/healthz", "/livez"})
            router_.add("GET", path, [](const Request&) { return plain("ok\n"); });
        router_.add("GET", "/readyz", [this](const Request&) {
            // Ready is: objects can be read.
            (void)services_.cluster.list(cluster::types::kBlueprints, {.ns = services_.controller_namespace,
                                                                       .label_selector = "",
                                                                       .field_selector = "",
                                                                       .limit = 1,
                                                                       .continue_token = ""});
            return plain("ok\n");
        });
        router_.add("GET", "/metrics", [this](const Request&) { return plain(metrics_.text()); });
        const auto version = [this](const Request&) {
            // The level of Kubernetes' API that is served, as clients compare it with their own; ours is the
            // rest.
            Value body;
            body["gitVersion"] = "v1.34.0+fencepost." + version_;
            body["major"] = "1";
            body["minor"] = "34";
            body["platform"] = "linux/amd64";
            for (const char* unknown : {"gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler"})
                body[unknown] = "";
            return json_response(body);
        };
        for (const char* path : {"/version", "/version/"}) router_.add("GET", path, version);
        router_.add("GET", "/", [this](const Request&) { return json_response(index()); });
    }

    [[nodiscard]] Value index() const {
        Value body;
        body["name"] = "fencepost";
        body["version"] = version_;
        for (const char* path : {"/v1/actions", "/v1/actions/{id}", "/v1/actions/{id}/logs",
                                 "/v1/actions/{id}/cancel", "/v1/obligations", "/v1/bindings/explain", "/api",
                                 "/apis", "/healthz", "/readyz", "/metrics", "/version"}) {
            body["paths"].push_back(path);
        }
        return body;
    }

    Router::Answer dispatch(const net::ServerRequest& request) const {
        try {
            refuse_strangers(request);
        } catch (const Problem& problem) {
            return {to_response(problem), {}};
        }
        return router_.dispatch(request);
    }

    net::ServerResponse answer(const net::ServerRequest& request) {
        const SteadyTime began = std::chrono::steady_clock::now();
        Router::Answer answer = dispatch(request);
        metrics_.count_request(request.method, answer.pattern.empty() ? "none" : answer.pattern,
                               answer.response.status, std::chrono::steady_clock::now() - began);
        return std::move(answer.response);
    }

    const RunAccess run_;
    Services services_;
    std::string version_;
    Metrics metrics_;
    Router router_;
    std::unique_ptr<net::HttpServer> server_;
    std::unique_ptr<net::HttpServer> pod_listener_;
};

}  // namespace

std::unique_ptr<Api> start_api(const ApiOptions& options, cluster::Cluster& cluster, RunAccess run,
                               Clock& clock, Log& log) {
    return std::make_unique<RunningApi>(options, cluster, std::move(run), clock, log);
}

}  // namespace fencepost::api
