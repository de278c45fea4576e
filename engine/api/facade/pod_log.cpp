#include "api/facade/facade.h"
#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::api::facade {
namespace {

cluster::LogOptions log_options(const net::ServerRequest& request) {
    cluster::LogOptions options;
    options.container = request.query_parameter("container");
    options.follow = is_set(request, "follow");
    options.previous = is_set(request, "previous");
    options.timestamps = is_set(request, "timestamps");
    if (request.has_query_parameter("tailLines")) options.tail_lines = number_of(request, "tailLines", 0);
    if (request.has_query_parameter("limitBytes")) options.limit_bytes = number_of(request, "limitBytes", 0);
    if (request.has_query_parameter("sinceTime"))
        options.since = parse_rfc3339(request.query_parameter("sinceTime"));
    if (request.has_query_parameter("sinceSeconds")) {
        options.since = SystemClock().now() - std::chrono::seconds(number_of(request, "sinceSeconds", 0));
    }
    return options;
}

// What is wrong is a Status, not an empty log: so the log is opened once without reading from it.
void check_log(cluster::Cluster& cluster, const Target& target, cluster::LogOptions options) {
    options.follow = false;
    options.limit_bytes = 0;
    try {
        cluster.logs(target.ns, target.name, options, [](std::string_view) {}, {});
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kFailedPrecondition) throw;
        throw Problem(400, error.what());  // the container has not begun
    }
}

}  // namespace

net::ServerResponse pod_log(cluster::Cluster& cluster, const Target& target,
                            const net::ServerRequest& request) {
    const cluster::LogOptions options = log_options(request);
    check_log(cluster, target, options);
    net::ServerResponse response;
    response.headers = {{"Content-Type", "text/plain"}};
    response.stream = [&cluster, target, options, cancel = request.cancel](net::ResponseStream& stream) {
        try {
            cluster.logs(
                target.ns, target.name, options, [&](std::string_view bytes) { stream.write(bytes); },
                cancel);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kNotFound) throw;  // the Pod went meanwhile: its log ends
        }
    };
    return response;
}

}  // namespace fencepost::api::facade
