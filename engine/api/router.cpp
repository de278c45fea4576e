#include "api/router.h"

#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "base/cancel.h"
#include "value/json.h"

namespace fencepost::api {
namespace {

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> segments;
    path.remove_prefix(std::min<std::size_t>(1, path.size()));
    while (true) {
        const std::size_t slash = std::min(path.find('/'), path.size());
        segments.emplace_back(path.substr(0, slash));
        if (slash == path.size()) return segments;
        path.remove_prefix(slash + 1);
    }
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }

using Parameters = std::map<std::string, std::string, std::less<>>;

std::optional<Parameters> match(const std::vector<std::string>& pattern,
                                const std::vector<std::string>& path) {
    Parameters parameters;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (i >= path.size()) return std::nullopt;
        const std::string& segment = pattern[i];
        if (segment.ends_with("...}")) {
            std::string rest = path[i];
            for (std::size_t j = i + 1; j < path.size(); ++j) rest += "/" + path[j];
            parameters.emplace(segment.substr(1, segment.size() - 5), std::move(rest));
            return parameters;
        }
        if (is_parameter(segment)) {
            if (path[i].empty()) return std::nullopt;
            parameters.emplace(segment.substr(1, segment.size() - 2), path[i]);
        } else if (segment != path[i]) {
            return std::nullopt;
        }
    }
    return pattern.size() == path.size() ? std::optional(std::move(parameters)) : std::nullopt;
}

net::ServerResponse guarded(const RouteHandler& handler, ErrorFormat format, const Request& request) {
    try {
        return handler(request);
    } catch (const Problem& problem) {
        return format(problem);
    } catch (const Error& error) {
        return format(Problem(http_status(error.kind()), error.what(), error.hint()));
    } catch (const Cancelled& cancelled) {
        if (cancelled.reason() == CancelReason::kUser) throw;  // nobody is there to answer
        return format(Problem(503, std::string(to_string(cancelled.reason()))));
    }
}

}  // namespace

void Router::add(std::string method, std::string_view pattern, RouteHandler handler,
                 ErrorFormat error_format) {
    routes_.push_back(
        {std::move(method), std::string(pattern), split(pattern), std::move(handler), error_format});
}

std::vector<Router::Name> Router::routes() const {
    std::vector<Name> names;
    for (const Route& route : routes_) names.push_back({route.method, route.pattern});
    return names;
}

Router::Answer Router::dispatch(const net::ServerRequest& request, const Access& access) const {
    const std::vector<std::string> path = split(request.path);
    const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
    std::string allowed;
    const Route* other = nullptr;
    for (const Route& route : routes_) {
        auto parameters = match(route.segments, path);
        if (!parameters) continue;
        if (route.method == method) {
            return {guarded(route.handler, route.error_format, {request, access, std::move(*parameters)}),
                    route.pattern};
        }
        allowed += (allowed.empty() ? "" : ", ") + route.method;
        other = &route;
    }
    if (other == nullptr) {
        return {to_response(Problem(404, "there is nothing at " + request.path, "GET / lists what there is")),
                {}};
    }
    Answer answer{other->error_format(Problem(405, request.path + " does not take " + request.method)),
                  other->pattern};
    answer.response.headers.emplace_back("Allow", allowed);
    return answer;
}

net::ServerResponse json_response(const Value& body, int status) {
    net::ServerResponse response;
    response.status = status;
    response.headers = {{"Content-Type", "application/json"}};
    response.body = to_json(body, {.escape_html = false, .indent = ""}) + "\n";
    return response;
}

std::string media_type(const net::ServerRequest& request) {
    std::string_view type = request.header("Content-Type");
    type = type.substr(0, type.find(';'));
    while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
    return ascii_lower(type);
}

Value json_body(const net::ServerRequest& request) {
    const std::string type = media_type(request);
    if (type != "application/json") {
        throw Problem(415, type.empty() ? "the request has no Content-Type" : "the body is " + type,
                      "send application/json");
    }
    try {
        return parse_json(request.body);
    } catch (const Error& error) {
        throw Problem(400, std::string("the body is no JSON: ") + error.what());
    }
}

Value optional_json_body(const net::ServerRequest& request) {
    return request.body.empty() ? Value() : json_body(request);
}

}  // namespace fencepost::api
