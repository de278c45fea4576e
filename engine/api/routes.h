// The REST routes, a file each. Services are borrowed and outlive the router.
#pragma once

#include "api/router.h"
#include "api/services.h"

namespace fencepost::api {

void add_action_routes(Router& router, Services& services);
void add_action_list_routes(Router& router, Services& services);
void add_action_event_routes(Router& router, Services& services);
void add_log_routes(Router& router, Services& services);
void add_obligation_routes(Router& router, Services& services);
void add_blueprint_routes(Router& router, Services& services);
void add_profile_routes(Router& router, Services& services);
void add_binding_routes(Router& router, Services& services);
void add_protection_routes(Router& router, Services& services);
void add_webhook_routes(Router& router, Services& services);
void add_document_routes(Router& router, bool has_authentication);  // /openapi.json

// All of the above.
void add_rest_routes(Router& router, Services& services, bool has_authentication);

}  // namespace fencepost::api
