// Routes: a method and a path pattern ("/v1/actions/{id}", "/apis/{rest...}") to a handler. A path that no
// pattern fits answers 404, a method that the path does not have 405 with Allow. Errors that handlers throw
// become answers here: problem documents, or whatever the route's error format is. Thread safety: add()
// before serving; dispatch() from any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/auth/access.h"
#include "api/problem.h"
#include "net/http_server.h"
#include "value/value.h"

namespace fencepost::api {

struct Request {
    const net::ServerRequest& http;
    const Access& access;                                        // whose request it is
    std::map<std::string, std::string, std::less<>> parameters;  // what {name} matched
    [[nodiscard]] const std::string& parameter(std::string_view name) const {
        return parameters.find(name)->second;
    }
};

using RouteHandler = std::function<net::ServerResponse(const Request&)>;
using ErrorFormat = net::ServerResponse (*)(const Problem&);

class Router {
  public:
    // A last segment "{name...}" takes the rest of the path, slashes and all.
    void add(
        std::string method, std::string_view pattern, RouteHandler handler,
        ErrorFormat error_format = [](const Problem& problem) { return to_response(problem); });

    struct Answer {
        net::ServerResponse response;
        std::string pattern;  // for metrics; "" where none fits
    };
    [[nodiscard]] Answer dispatch(const net::ServerRequest& request, const Access& access) const;

    struct Name {
        std::string method;
        std::string pattern;
        friend auto operator<=>(const Name&, const Name&) = default;
    };
    [[nodiscard]] std::vector<Name> routes() const;  // in the order of adding

  private:
    struct Route {
        std::string method;
        std::string pattern;
        std::vector<std::string> segments;
        RouteHandler handler;
        ErrorFormat error_format;
    };
    std::vector<Route> routes_;
};

[[nodiscard]] net::ServerResponse json_response(const Value& body, int status = 200);

// The body of a request as a Value. Throws Problem: 415 for another content type, 400 for what does not
// parse.
[[nodiscard]] Value json_body(const net::ServerRequest& request);
// The same where the body may be left out: nil then.
[[nodiscard]] Value optional_json_body(const net::ServerRequest& request);
// The media type, lower case, without parameters.
[[nodiscard]] std::string media_type(const net::ServerRequest& request);

}  // namespace fencepost::api
