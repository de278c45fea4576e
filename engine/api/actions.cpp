#include "api/action_lookup.h"
#include "api/action_request.h"
#include "api/action_view.h"
#include "api/body_check.h"
#include "api/conditional.h"
#include "api/idempotency.h"
#include "api/long_poll.h"
#include "api/routes.h"
#include "run/resume.h"

namespace fencepost::api {
namespace {

net::ServerResponse create_action(Services& services, const Request& request) {
    const Value body = json_body(request.http);
    return create_action_once(services, request, body,
                              [&] { return action_set_from(body, request.access, services); });
}

// --- GET /v1/actions/{id}

bool has_ended(const Value& action_set) {
    return is_terminal(action_view(action_set)["state"].string_or(""));
}

net::ServerResponse get_action(Services& services, const Request& request) {
    const Value action_set =
        wait_for_end(services, request.http, cluster::types::kActionSets, find_action(services, request),
                     "the action '" + request.parameter("id") + "'", has_ended);
    return tagged(request.http, action_set, action_view(action_set));
}

// --- POST /v1/actions/{id}/cancel, retry, resume

net::ServerResponse cancel_action(Services& services, const Request& request) {
    const std::string& id = request.parameter("id");
    (void)empty_body(request.http);
    const Value action_set = find_action(services, request, Role::kOperator);
    const Value view = action_view(action_set);
    const std::string state = view["state"].string_or("");
    if (state == "cancelled") return tagged(request.http, action_set, view);
    if (is_terminal(state)) throw Problem(409, "the action '" + id + "' is " + state + " already");
    Value patch;
    patch["spec"]["cancel"] = true;
    return json_response(
        action_view(services.cluster.patch(action_key(services, id), cluster::PatchType::kMerge, patch)),
        202);
}

// The same actions once more, as a new ActionSet that says which one it comes from.
Value action_set_like(const Value& earlier, const char* annotation, const Services& services) {
    Value object;
    object["apiVersion"] = earlier["apiVersion"];
    object["kind"] = earlier["kind"];
    object["metadata"]["namespace"] = services.controller_namespace;
    const List& actions = earlier.get("spec", "actions").list_or_empty();
    object["metadata"]["generateName"] =
        name_prefix(actions.empty() ? "" : actions.front()["name"].string_or(""));
    for (const char* kept : {kBlueprintReason, kFrom}) {
        const Value& value = earlier.get("metadata", "annotations", kept);
        if (!value.is_nil()) object["metadata"]["annotations"][kept] = value;
    }
    object["metadata"]["annotations"][annotation] = cluster::name_of(earlier);
    object["spec"]["actions"] = earlier.get("spec", "actions");
    return object;
}

void refuse_unless_failed(const std::string& id, const Value& action_set) {
    const std::string state = action_view(action_set)["state"].string_or("");
    if (state == "failed" || state == "cancelled") return;
    throw Problem(
        409, "the action '" + id + "' is " + state,
        "what has failed or was cancelled can be retried or resumed; for one more of the same, POST "
        "/v1/actions");
}

net::ServerResponse retry_action(Services& services, const Request& request) {
    const Value body = empty_body(request.http);
    const Value earlier = find_action(services, request, Role::kOperator);
    return create_action_once(services, request, body, [&] {
        refuse_unless_failed(request.parameter("id"), earlier);
        return action_set_like(earlier, kRetries, services);
    });
}

net::ServerResponse resume_action(Services& services, const Request& request) {
    const Value body = empty_body(request.http);
    const Value earlier = find_action(services, request, Role::kOperator);
    return create_action_once(services, request, body, [&] {
        const std::string& id = request.parameter("id");
        refuse_unless_failed(id, earlier);
        if (const std::string why = run::why_not_resumable(services.cluster, earlier); !why.empty()) {
            throw Problem(409, "the action '" + id + "' cannot be resumed: " + why,
                          "POST /v1/actions/" + id + "/retry starts over");
        }
        return action_set_like(earlier, run::kResumes, services);
    });
}

// --- GET /v1/actions/{id}/artifacts

net::ServerResponse list_artifacts(Services& services, const Request& request) {
    const Value action_set = find_action(services, request);
    const Value view = action_view(action_set);
    Value body;
    body["items"] = List{};
    for (const auto& [name, artifact] : view["artifacts"].map_or_empty()) {
        Value item = artifact;
        item["name"] = name;
        body["items"].push_back(std::move(item));
    }
    return tagged(request.http, action_set, body);
}

}  // namespace

void add_action_routes(Router& router, Services& services) {
    const auto add = [&](const char* method, const char* pattern, auto handler) {
        router.add(method, pattern,
                   [&services, handler](const Request& request) { return handler(services, request); });
    };
    add("POST", "/v1/actions", create_action);
    add("GET", "/v1/actions/{id}", get_action);
    add("POST", "/v1/actions/{id}/cancel", cancel_action);
    add("POST", "/v1/actions/{id}/retry", retry_action);
    add("POST", "/v1/actions/{id}/resume", resume_action);
    add("GET", "/v1/actions/{id}/artifacts", list_artifacts);
}

}  // namespace fencepost::api
