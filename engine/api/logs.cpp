#include "api/action_lookup.h"
#include "api/action_view.h"
#include "api/routes.h"

namespace fencepost::api {
namespace {

void check_phase(const Value& action_set, const std::string& phase) {
    if (phase.empty()) return;
    std::string known;
    const Value view = action_view(action_set);
    for (const Value& item : view["phases"].list_or_empty()) {
        const std::string name = item["name"].string_or("");
        if (name == phase) return;
        known += (known.empty() ? "" : ", ") + name;
    }
    throw Problem(
        404, "the action has no phase '" + phase + "' (has: " + (known.empty() ? "none yet" : known) + ")");
}

net::ServerResponse stream_logs(Services& services, const Request& request) {
    const std::string& id = request.parameter("id");
    const std::string phase = request.http.query_parameter("phase");
    check_phase(find_action(services, request), phase);
    const std::string follow = request.http.query_parameter("follow");
    const bool follows = follow == "1" || follow == "true";
    if (!follows && request.http.has_query_parameter("follow") && follow != "0" && follow != "false")
        throw Problem(400, "follow is true or false, not '" + follow + "'");
    net::ServerResponse response;
    response.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
    response.stream = [&services, id, phase, follows,
                       cancel = request.http.cancel](net::ResponseStream& stream) {
        services.run.logs(id, phase, follows, [&](std::string_view bytes) { stream.write(bytes); }, cancel);
    };
    return response;
}

}  // namespace

void add_log_routes(Router& router, Services& services) {
    router.add("GET", "/v1/actions/{id}/logs",
               [&services](const Request& request) { return stream_logs(services, request); });
}

}  // namespace fencepost::api
