#include "api/facade/facade.h"

#include <charconv>

#include "api/facade/discovery.h"
#include "api/facade/openapi.h"
#include "api/facade/status.h"
#include "base/error.h"

namespace fencepost::api::facade {
namespace {

net::ServerResponse serve_subresource(cluster::Cluster& cluster, const Target& target,
                                      const net::ServerRequest& request) {
    const bool is_pod = target.type.type == cluster::types::kPods;
    const bool is_read = request.method == "GET" || request.method == "HEAD";
    if (is_pod && target.subresource == "log" && is_read) return pod_log(cluster, target, request);
    if (is_pod && target.subresource == "exec" && (is_read || request.method == "POST"))
        return pod_exec(cluster, target, request);
    if (target.subresource == "scale" && has_scale(target.type.type)) return scale(cluster, target, request);
    throw Error(ErrorKind::kNotFound, "the server could not find the requested resource (" +
                                          target.type.type.resource + "/" + target.subresource + ")");
}

net::ServerResponse serve(cluster::Cluster& cluster, std::string_view group, std::string_view version,
                          std::string_view rest, const net::ServerRequest& request,
                          const std::string& caller) {
    std::optional<Target> target;
    try {
        target = parse_target(cluster, group, version, rest);
        if (!target->subresource.empty() && target->subresource != "status")
            return serve_subresource(cluster, *target, request);
        if (request.method == "GET" || request.method == "HEAD") {
            return is_set(request, "watch") ? watch_objects(cluster, *target, request)
                                            : read_objects(cluster, *target, request);
        }
        if (request.method == "DELETE") return delete_objects(cluster, *target, request);
        return write_object(cluster, *target, request, caller);
    } catch (const Error& error) {
        return json_response(failure_status(error, target ? &*target : nullptr), status_code(error));
    }
}

}  // namespace

bool is_set(const net::ServerRequest& request, std::string_view name) {
    const std::string value = request.query_parameter(name);
    for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
        if (value == yes) return true;
    }
    for (const char* no : {"", "0", "f", "F", "false", "FALSE", "False"}) {
        if (value == no) return false;
    }
    throw Error(ErrorKind::kInvalid,
                "the parameter " + std::string(name) + " is true or false, not '" + value + "'");
}

std::int64_t number_of(const net::ServerRequest& request, std::string_view name, std::int64_t absent) {
    const std::string text = request.query_parameter(name);
    if (text.empty()) return absent;
    std::int64_t number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size()) {
        throw Error(ErrorKind::kInvalid,
                    "the parameter " + std::string(name) + " is no number: '" + text + "'");
    }
    return number;
}

void add_routes(Router& router, cluster::Cluster& cluster) {
    add_discovery(router, cluster);
    add_openapi(router, cluster);
    for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
        router.add(
            method, "/api/v1/{rest...}",
            [&cluster](const Request& request) {
                return serve(cluster, "", "v1", request.parameter("rest"), request.http,
                             request.access.name());
            },
            &problem_as_status);
        router.add(
            method, "/apis/{group}/{version}/{rest...}",
            [&cluster](const Request& request) {
                return serve(cluster, request.parameter("group"), request.parameter("version"),
                             request.parameter("rest"), request.http, request.access.name());
            },
            &problem_as_status);
    }
}

}  // namespace fencepost::api::facade
