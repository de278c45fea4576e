#include "api/body_check.h"
#include "api/routes.h"
#include "api/subject.h"
#include "base/error.h"
#include "binding/explain.h"

namespace fencepost::api {
namespace {

// ?resource=clusters.postgresql.cnpg.io&name=x&namespace=y, or kind= and group= apart.
net::ServerResponse explain_binding(Services& services, const Request& request) {
    std::string word = request.http.query_parameter("resource");
    if (word.empty()) word = request.http.query_parameter("kind");
    std::string group = request.http.query_parameter("group");
    const std::string name = request.http.query_parameter("name");
    if (word.empty() || name.empty()) {
        throw Problem(400, "name the object",
                      "as in /v1/bindings/explain?resource=secrets&namespace=app1&name=app1-db");
    }
    if (const std::size_t dot = word.find('.'); dot != std::string::npos) {
        group = word.substr(dot + 1);
        word.resize(dot);
    }
    const auto type = services.cluster.find_type(group, "", word);
    if (!type)
        throw Problem(404, "the cluster has no type '" + word + (group.empty() ? "" : "." + group) + "'");
    const std::string ns = request.http.query_parameter("namespace");
    const cluster::ObjectKey key{type->type, type->is_namespaced ? (ns.empty() ? "default" : ns) : "", name};
    request.access.require(Role::kViewer, type->type == cluster::types::kNamespaces ? name : key.ns);
    return json_response(binding::explain(services.cluster, key, services.controller_namespace));
}

}  // namespace

void add_binding_routes(Router& router, Services& services) {
    router.add("GET", "/v1/bindings/explain",
               [&services](const Request& request) { return explain_binding(services, request); });
}

}  // namespace fencepost::api
