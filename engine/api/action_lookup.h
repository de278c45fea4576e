// Actions by id, as every route below /v1/actions/{id} finds them: here, and nowhere else, it is decided
// whether the caller may see an action or change it. Thread-safe.
#pragma once

#include <string>

#include "api/router.h"
#include "api/services.h"

namespace fencepost::api {

[[nodiscard]] cluster::ObjectKey action_key(const Services& services, const std::string& id);
// Roles are looked at in the namespace of the subject; of an ActionSet with several, in each.
[[nodiscard]] bool may(const Access& access, Role role, const Value& action_set);
// The ActionSet that the request's {id} names. Throws Problem 404: there is none, or the caller is no viewer
// of its namespace, which looks the same; 403 where it needs more than a viewer; 412 (see conditional.h).
[[nodiscard]] Value find_action(Services& services, const Request& request, Role role = Role::kViewer);

}  // namespace fencepost::api
