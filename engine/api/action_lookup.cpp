#include "api/action_lookup.h"

#include <algorithm>

#include "api/conditional.h"
#include "base/error.h"

namespace fencepost::api {

cluster::ObjectKey action_key(const Services& services, const std::string& id) {
    return {cluster::types::kActionSets, services.controller_namespace, id};
}

bool may(const Access& access, Role role, const Value& action_set) {
    const List& actions = action_set.get("spec", "actions").list_or_empty();
    if (actions.empty()) return access.may(role, "");
    return std::all_of(actions.begin(), actions.end(), [&](const Value& action) {
        return access.may(role, action.get("object", "namespace").string_or(""));
    });
}

Value find_action(Services& services, const Request& request, Role role) {
    const std::string& id = request.parameter("id");
    const Problem absent(404, "there is no action '" + id + "'", "GET /v1/actions lists them");
    Value action_set;
    try {
        action_set = services.cluster.get(action_key(services, id));
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound) throw;
        throw Problem(absent);
    }
    if (!may(request.access, Role::kViewer, action_set)) throw Problem(absent);
    if (role == Role::kViewer) return action_set;
    for (const Value& action : action_set.get("spec", "actions").list_or_empty())
        request.access.require(role, action.get("object", "namespace").string_or(""));
    require_match(request.http, action_set);
    return action_set;
}

}  // namespace fencepost::api
