#include "api/body_check.h"
#include "api/pages.h"
#include "api/routes.h"
#include "api/subject.h"
#include "base/error.h"
#include "binding/explain.h"
#include "binding/matcher.h"
#include "binding/unprotected.h"
#include "model/binding.h"

namespace fencepost::api {
namespace {

// What matching walks through must end, however large the cluster is.
constexpr std::size_t kMostMatches = 500;

Value reference_view(const cluster::ResourceDescription& type, const Value& object) {
    Value view;
    const std::string ns = cluster::namespace_of(object);
    view["id"] = (ns.empty() ? "" : ns + "/") + type.type.resource +
                 (type.type.group.empty() ? "" : "." + type.type.group) + "/" + cluster::name_of(object);
    view["kind"] = type.kind;
    view["resource"] = type.type.resource;
    if (!type.type.group.empty()) view["group"] = type.type.group;
    view["apiVersion"] = type.type.version;
    if (!ns.empty()) view["namespace"] = ns;
    view["name"] = cluster::name_of(object);
    return view;
}

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

// The body is a BlueprintBinding, stored or not yet: which objects does it match?
net::ServerResponse match_binding(Services& services, const Request& request) {
    const Value body = json_body(request.http);
    model::Problems problems;
    const model::Binding binding = model::Binding::read(body, problems);
    std::vector<Cause> causes;
    for (const model::Problem& problem : problems.all()) {
        if (problem.severity == model::Severity::kError)
            causes.push_back({problem.pointer, problem.message, problem.hint});
    }
    if (!causes.empty())
        throw Problem(422, "the binding cannot be used: " + causes.front().detail, "", causes);
    const auto served = services.cluster.types();
    Value answer;
    answer["items"] = List{};
    answer["isTruncated"] = false;
    for (const auto& type : served) {
        if (type.type == cluster::types::kEvents) continue;
        cluster::ListOptions page;
        page.limit = static_cast<std::int64_t>(kMostAtOnce);
        page.metadata_only = true;
        do {
            request.http.cancel.throw_if_cancelled();
            const cluster::ObjectList list = services.cluster.list(type.type, page);
            for (const Value& object : list.items) {
                if (!request.access.may(Role::kViewer, cluster::namespace_of(object))) continue;
                if (!binding::matches(binding, binding::make_subject(object, type, served))) continue;
                if (answer["items"].as_list().size() == kMostMatches) {
                    answer["isTruncated"] = true;
                    return json_response(answer);
                }
                answer["items"].push_back(reference_view(type, object));
            }
            page.continue_token = list.continue_token;
        } while (!page.continue_token.empty());
    }
    return json_response(answer);
}

net::ServerResponse list_unprotected(Services& services, const Request& request) {
    Page page(request.http, {"id", "-id"});
    const auto found = binding::unprotected_databases(
        services.cluster, services.controller_namespace,
        [&](const std::string& ns) { return request.access.may(Role::kViewer, ns); });
    for (const binding::Unprotected& database : found) {
        Value view = reference_view(database.type, database.object);
        view["reason"] = database.reason;
        page.offer(std::move(view));
    }
    return json_response(page.take());
}

}  // namespace

void add_binding_routes(Router& router, Services& services) {
    router.add("GET", "/v1/bindings/explain",
               [&services](const Request& request) { return explain_binding(services, request); });
    router.add("GET", "/v1/bindings/unprotected",
               [&services](const Request& request) { return list_unprotected(services, request); });
    router.add("POST", "/v1/bindings/match",
               [&services](const Request& request) { return match_binding(services, request); });
}

}  // namespace fencepost::api
