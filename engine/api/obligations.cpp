#include "api/routes.h"

namespace fencepost::api {

void add_obligation_routes(Router& router, Services& services) {
    router.add("GET", "/v1/obligations", [&services](const Request& request) {
        const std::string state = request.http.query_parameter("state");
        if (!state.empty() && state != "open" && state != "all") {
            throw Problem(400, "state is open or all, not '" + state + "'");
        }
        Value body;
        body["items"] = services.run.obligations(state == "all");
        return json_response(body);
    });
}

}  // namespace fencepost::api
