// The REST routes, a file each. Services are borrowed and outlive the router.
#pragma once

#include "api/router.h"
#include "api/services.h"

namespace fencepost::api {

void add_action_routes(Router& router, Services& services);
void add_log_routes(Router& router, Services& services);
void add_obligation_routes(Router& router, Services& services);
void add_binding_routes(Router& router, Services& services);

}  // namespace fencepost::api
