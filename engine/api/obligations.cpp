#include <algorithm>

#include "api/body_check.h"
#include "api/routes.h"
#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::api {
namespace {

constexpr std::chrono::hours kLongestExtension{24};

std::string namespace_of(const Value& obligation) {
    return obligation.get("subject", "namespace").string_or("");
}

net::ServerResponse list_obligations(Services& services, const Request& request) {
    const std::string state = request.http.query_parameter("state");
    if (request.http.has_query_parameter("state") && state != "open" && state != "all") {
        throw Problem(400, "state is open or all, not '" + state + "'");
    }
    List items = services.run.obligations(state == "all");
    std::erase_if(items,
                  [&](const Value& item) { return !request.access.may(Role::kViewer, namespace_of(item)); });
    Value body;
    body["items"] = std::move(items);
    return json_response(body);
}

Value find_obligation(Services& services, const Request& request, Role role) {
    const std::string& id = request.parameter("id");
    const List items = services.run.obligations(true);
    const auto found =
        std::find_if(items.begin(), items.end(), [&](const Value& item) { return item["id"] == Value(id); });
    if (found == items.end() || !request.access.may(Role::kViewer, namespace_of(*found))) {
        throw Problem(404, "there is no obligation '" + id + "'", "GET /v1/obligations?state=all lists them");
    }
    request.access.require(role, namespace_of(*found));
    return *found;
}

Value open_obligation(Services& services, const Request& request) {
    Value obligation = find_obligation(services, request, Role::kOperator);
    if (obligation["state"] == Value("open")) return obligation;
    throw Problem(409, "the obligation '" + request.parameter("id") + "' is " +
                           obligation["state"].string_or("discharged") + " already");
}

net::ServerResponse release_obligation(Services& services, const Request& request) {
    if (const Value body = optional_json_body(request.http); !body.is_nil()) {
        BodyCheck check(body);
        check.only("", {});
        check.done();
    }
    const Value obligation = open_obligation(services, request);
    try {
        services.run.release(request.parameter("id"), request.http.cancel);
    } catch (const Error& error) {
        throw Problem(502, std::string("the undo failed: ") + error.what(),
                      "it stays open and is tried again; GET /v1/obligations tells how it goes");
    }
    return json_response(find_obligation(services, request, Role::kViewer));
}

// {"by": "10m"} from its present deadline, or {"deadline": "2026-11-21T06:00:00Z"}.
net::ServerResponse extend_obligation(Services& services, const Request& request) {
    const Value body = json_body(request.http);
    BodyCheck check(body);
    check.only("", {"by", "deadline"});
    const std::string by = check.text("/by");
    const std::string until = check.text("/deadline");
    if (by.empty() == until.empty()) check.fail("", "give one of the two: by or deadline");
    check.done();
    const Value obligation = open_obligation(services, request);
    const SystemTime before = parse_rfc3339(obligation["deadline"].string_or(""));
    SystemTime deadline = before;
    try {
        if (by.empty())
            deadline = parse_rfc3339(until);
        else
            deadline += std::chrono::duration_cast<SystemTime::duration>(parse_duration(by));
    } catch (const Error& error) {
        check.fail(by.empty() ? "/deadline" : "/by", error.message(),
                   by.empty() ? "as in 2026-11-21T06:00:00Z" : "as in 90s or 1h30m");
        check.done();
    }
    const char* pointer = by.empty() ? "/deadline" : "/by";
    if (deadline <= before)
        check.fail(pointer, "is no later than the present deadline",
                   "POST /v1/obligations/{id}/release undoes it now");
    if (deadline > services.clock.now() + kLongestExtension)
        check.fail(pointer, "is more than 24 hours from now", "nothing stays fenced for so long at a time");
    check.done();
    services.run.extend(request.parameter("id"), deadline, request.http.cancel);
    return json_response(open_obligation(services, request));
}

}  // namespace

void add_obligation_routes(Router& router, Services& services) {
    router.add("GET", "/v1/obligations",
               [&services](const Request& request) { return list_obligations(services, request); });
    router.add("GET", "/v1/obligations/{id}", [&services](const Request& request) {
        return json_response(find_obligation(services, request, Role::kViewer));
    });
    router.add("POST", "/v1/obligations/{id}/release",
               [&services](const Request& request) { return release_obligation(services, request); });
    router.add("POST", "/v1/obligations/{id}/extend",
               [&services](const Request& request) { return extend_obligation(services, request); });
}

}  // namespace fencepost::api
