#include "api/body_check.h"
#include "api/conditional.h"
#include "api/pages.h"
#include "api/routes.h"
#include "api/webhooks/webhook.h"
#include "base/encodings.h"
#include "cluster/idempotent.h"

namespace fencepost::api {
namespace {

namespace types = cluster::types;

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kLeastKeyBytes = 16;

std::string secret_name(const std::string& webhook) { return "webhook-" + webhook; }

Value webhook_view(const Value& object) {
    Value view;
    view["id"] = cluster::name_of(object);
    for (const char* member : {"url", "events", "namespace"}) {
        if (!object["spec"][member].is_nil()) view[member] = object["spec"][member];
    }
    view["createdAt"] = object.get("metadata", "creationTimestamp");
    for (const char* member : {"lastDeliveryAt", "failingSince", "lastError"}) {
        if (!object["status"][member].is_nil()) view[member] = object["status"][member];
    }
    return view;
}

List events_of(BodyCheck& check) {
    const Value& events = check.at("/events");
    if (events.is_nil()) return {"action.*"};
    if (!events.is_list() || events.as_list().empty()) {
        check.fail("/events", "expected a list of events", R"(as in ["action.completed", "action.failed"])");
        return {};
    }
    for (std::size_t i = 0; i < events.as_list().size(); ++i) {
        const Value& event = events.as_list()[i];
        if (event.is_string() && is_event_pattern(event.as_string())) continue;
        check.fail("/events/" + std::to_string(i), "is no event",
                   "as in action.completed, action.* or phase.failed");
    }
    return events.as_list();
}

// One that a request left that did not come to its end is taken over.
void store_secret(Services& services, const Value& secret) {
    try {
        services.cluster.create(types::kSecrets, secret, {.field_manager = "fencepost-api"});
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kAlreadyExists) throw;
        services.cluster.patch({types::kSecrets, cluster::namespace_of(secret), cluster::name_of(secret)},
                               cluster::PatchType::kMerge, Value(Map{{"data", secret["data"]}}));
    }
}

// The secret is told once, in the answer; after that only its Secret has it.
net::ServerResponse create_webhook(Services& services, const Request& request) {
    const Value body = json_body(request.http);
    BodyCheck check(body);
    check.only("", {"name", "url", "events", "namespace", "secret"});
    const std::string name = check.text("/name", true);
    const std::string url = check.text("/url", true);
    const std::string ns = check.text("/namespace");
    std::string key = check.text("/secret");
    const List events = events_of(check);
    if (!url.empty() && !url.starts_with("https://") && !url.starts_with("http://"))
        check.fail("/url", "is no http or https URL");
    if (!key.empty() && key.size() < kLeastKeyBytes)
        check.fail("/secret", "is shorter than 16 bytes", "leave it out: then one is made");
    check.done();
    request.access.require(Role::kAdmin, ns);
    if (key.empty()) key = hex_encode(random_bytes(kKeyBytes));

    Value webhook;
    webhook["metadata"]["name"] = name;
    webhook["metadata"]["namespace"] = services.controller_namespace;
    webhook["spec"]["url"] = url;
    webhook["spec"]["events"] = events;
    if (!ns.empty()) webhook["spec"]["namespace"] = ns;
    webhook["spec"]["secretRef"]["name"] = secret_name(name);
    Value secret;
    secret["metadata"]["name"] = secret_name(name);
    secret["metadata"]["namespace"] = services.controller_namespace;
    secret["data"]["key"] = base64_encode(key);
    try {
        services.cluster.create(kWebhooks, webhook, {.field_manager = "", .dry_run = true});
        store_secret(services, secret);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::kInvalid)
            throw Problem(422, error.what(), "", {{"/name", error.what(), ""}});
        if (error.kind() != ErrorKind::kAlreadyExists) throw;
        throw Problem(409, "there is a webhook '" + name + "' already",
                      "delete it first, or take another name");
    }
    const Value stored = services.cluster.create(kWebhooks, webhook, {.field_manager = "fencepost-api"});
    Value view = webhook_view(stored);
    view["secret"] = key;
    net::ServerResponse response = json_response(view, 201);
    response.headers.emplace_back("Location", "/v1/webhooks/" + name);
    return response;
}

Value find_webhook(Services& services, const Request& request) {
    const std::string& name = request.parameter("name");
    try {
        const Value object = services.cluster.get({kWebhooks, services.controller_namespace, name});
        if (request.access.may(Role::kAdmin, object.get("spec", "namespace").string_or(""))) return object;
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound) throw;
    }
    throw Problem(404, "there is no webhook '" + name + "'", "GET /v1/webhooks lists them");
}

net::ServerResponse list_webhooks(Services& services, const Request& request) {
    Page page(request.http, {"id", "-id", "createdAt", "-createdAt"});
    for (const Value& object :
         services.cluster.list(kWebhooks, {.ns = services.controller_namespace}).items) {
        if (request.access.may(Role::kAdmin, object.get("spec", "namespace").string_or("")))
            page.offer(webhook_view(object));
    }
    return json_response(page.take());
}

net::ServerResponse delete_webhook(Services& services, const Request& request) {
    const Value object = find_webhook(services, request);
    require_match(request.http, object);
    const std::string name = cluster::name_of(object);
    cluster::remove_if_there(services.cluster, {kWebhooks, services.controller_namespace, name});
    cluster::remove_if_there(services.cluster,
                             {types::kSecrets, services.controller_namespace, secret_name(name)});
    net::ServerResponse response;
    response.status = 204;
    return response;
}

}  // namespace

void add_webhook_routes(Router& router, Services& services) {
    const auto add = [&](const char* method, const char* pattern, auto handler) {
        router.add(method, pattern,
                   [&services, handler](const Request& request) { return handler(services, request); });
    };
    add("POST", "/v1/webhooks", create_webhook);
    add("GET", "/v1/webhooks", list_webhooks);
    add("DELETE", "/v1/webhooks/{name}", delete_webhook);
    router.add("GET", "/v1/webhooks/{name}", [&services](const Request& request) {
        const Value object = find_webhook(services, request);
        return tagged(request.http, object, webhook_view(object));
    });
}

}  // namespace fencepost::api
