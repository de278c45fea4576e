#include "api/site.h"

#include "api/auth/gate.h"
#include "api/facade/facade.h"
#include "api/facade/status.h"
#include "api/problem.h"
#include "api/routes.h"

namespace fencepost::api {
namespace {

net::ServerResponse plain(std::string text) {
    net::ServerResponse response;
    response.headers = {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
    response.body = std::move(text);
    return response;
}

}  // namespace

Site::Site(const ApiOptions& options, cluster::Cluster& cluster, RunAccess run, Clock& clock, Log& log,
           bool has_authentication)
    : run_(std::move(run)),
      services_{cluster, run_, clock, log, options.controller_namespace},
      version_(options.version),
      is_embedded_(options.serves_objects),
      image_map_(options.image_map),
      metrics_(services_, options.store_bytes) {
    add_rest_routes(router_, services_, has_authentication);
    add_service_routes();
    if (options.serves_objects) facade::add_routes(router_, cluster);
}

net::ServerResponse Site::answer(const net::ServerRequest& request, const std::function<Access()>& enter) {
    const SteadyTime began = std::chrono::steady_clock::now();
    Router::Answer answer = dispatch(request, enter);
    metrics_.count_request(request.method, answer.pattern.empty() ? "none" : answer.pattern,
                           answer.response.status, std::chrono::steady_clock::now() - began);
    return std::move(answer.response);
}

Router::Answer Site::dispatch(const net::ServerRequest& request, const std::function<Access()>& enter) {
    try {
        return router_.dispatch(request, enter());
    } catch (const Problem& problem) {
        return {is_kubernetes_path(request.path) ? facade::problem_as_status(problem) : to_response(problem),
                {}};
    }
}

void Site::add_service_routes() {
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

Value Site::index() const {
    Value body;
    body["name"] = "fencepost";
    body["version"] = version_;
    body["cluster"] = is_embedded_ ? "embedded" : "kubernetes";
    body["namespace"] = services_.controller_namespace;
    body["imageMap"] = image_map_;
    body["openapi"] = "/openapi.json";
    for (const Router::Name& route : router_.routes())
        body["routes"].push_back(Map{{"method", route.method}, {"path", route.pattern}});
    return body;
}

}  // namespace fencepost::api
