#include "api/pages.h"
#include "api/routes.h"
#include "base/error.h"
#include "location/check.h"
#include "model/objects.h"
#include "run/launch.h"

namespace fencepost::api {
namespace {

// Where it leads, and nothing of what opens it.
Value profile_view(const Value& object) {
    Value view;
    view["id"] = cluster::namespace_of(object) + "/" + cluster::name_of(object);
    view["name"] = cluster::name_of(object);
    view["namespace"] = cluster::namespace_of(object);
    view["createdAt"] = object.get("metadata", "creationTimestamp");
    for (const char* member : {"type", "bucket", "endpoint", "prefix", "region", "path"}) {
        const std::string text = object.get("location", member).string_or("");
        if (!text.empty()) view[member] = text;
    }
    view["isRepository"] = object["repositoryKey"].is_map();
    return view;
}

// The controller's own are there for everybody; others are their namespace's.
void require_profile(const Services& services, const Access& access, Role role, const std::string& ns) {
    if (ns == services.controller_namespace && access.may_anywhere(role)) return;
    access.require(role, ns);
}

net::ServerResponse list_profiles(Services& services, const Request& request) {
    Page page(request.http, {"id", "-id", "createdAt", "-createdAt"});
    for (const Value& object : services.cluster.list(cluster::types::kProfiles).items) {
        const std::string ns = cluster::namespace_of(object);
        if (ns == services.controller_namespace || request.access.may(Role::kViewer, ns))
            page.offer(profile_view(object));
    }
    return json_response(page.take());
}

// Tries it out. What does not work is an answer, not a failure of the request.
net::ServerResponse validate_profile(Services& services, const Request& request) {
    const std::string& ns = request.parameter("namespace");
    const std::string& name = request.parameter("name");
    require_profile(services, request.access, Role::kOperator, ns);
    Value object;
    try {
        object = services.cluster.get({cluster::types::kProfiles, ns, name});
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound) throw;
        throw Problem(404, "there is no profile " + ns + "/" + name, "GET /v1/profiles lists them");
    }
    run::World world{services.cluster, services.clock, *services.run.http, services.log,
                     services.controller_namespace};
    Value body;
    body["profile"] = profile_view(object);
    body["checks"] = List{};
    bool is_valid = true;
    const auto add = [&](const location::Check& check) {
        Value item(Map{{"name", check.name}, {"ok", check.is_ok}});
        if (!check.is_ok) item["detail"] = check.detail;
        body["checks"].push_back(std::move(item));
        is_valid = is_valid && check.is_ok;
    };
    try {
        model::ObjectReference reference;
        reference.name = name;
        reference.ns = ns;
        const auto location = location::open_location(run::resolve_profile(world, reference),
                                                      *services.run.http, services.clock);
        add({"open", true, ""});
        body["location"] = location->description();
        for (const location::Check& check : location::check_location(*location, request.http.cancel))
            add(check);
    } catch (const Error& error) {
        add({"open", false, error.what()});
    }
    body["valid"] = is_valid;
    return json_response(body);
}

}  // namespace

void add_profile_routes(Router& router, Services& services) {
    router.add("GET", "/v1/profiles",
               [&services](const Request& request) { return list_profiles(services, request); });
    router.add("POST", "/v1/profiles/{namespace}/{name}/validate",
               [&services](const Request& request) { return validate_profile(services, request); });
}

}  // namespace fencepost::api
