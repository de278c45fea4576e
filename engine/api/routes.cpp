#include "api/routes.h"

#include "api/openapi/document.h"

namespace fencepost::api {

void add_document_routes(Router& router, bool has_authentication) {
    Value document = openapi_document();
    // The file says what can be; where somebody must say who he is, "nothing" is no longer one of the ways.
    if (has_authentication) std::erase(document["security"].writable_list(), Value(Map{}));
    const net::ServerResponse answer = json_response(document);
    router.add("GET", "/openapi.json", [answer](const Request&) { return answer; });
}

void add_rest_routes(Router& router, Services& services, bool has_authentication) {
    add_action_routes(router, services);
    add_action_list_routes(router, services);
    add_action_event_routes(router, services);
    add_log_routes(router, services);
    add_obligation_routes(router, services);
    add_blueprint_routes(router, services);
    add_profile_routes(router, services);
    add_binding_routes(router, services);
    add_protection_routes(router, services);
    add_webhook_routes(router, services);
    add_document_routes(router, has_authentication);
}

}  // namespace fencepost::api
