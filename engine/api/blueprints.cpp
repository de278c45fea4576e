#include "api/action_request.h"
#include "api/body_check.h"
#include "api/conditional.h"
#include "api/pages.h"
#include "api/routes.h"
#include "base/encodings.h"
#include "base/error.h"
#include "cluster/read_only.h"
#include "lint/lint.h"
#include "model/validate.h"
#include "run/launch.h"
#include "run/preview.h"
#include "value/json.h"

namespace fencepost::api {
namespace {

Value names_of(const Value& phases) {
    Value names{List{}};
    for (const Value& phase : phases.list_or_empty())
        names.push_back(Map{{"name", phase["name"]}, {"func", phase["func"]}});
    return names;
}

// What a platform has to know to call its actions.
Value blueprint_view(const Value& blueprint) {
    Value view;
    view["id"] = cluster::name_of(blueprint);
    view["namespace"] = cluster::namespace_of(blueprint);
    view["createdAt"] = blueprint.get("metadata", "creationTimestamp");
    view["actions"] = Map{};
    for (const auto& [name, action] : blueprint["actions"].map_or_empty()) {
        Value& item = view["actions"][name];
        item["phases"] = names_of(action["phases"]);
        if (action["deferPhase"].is_map()) item["deferPhase"] = action["deferPhase"]["name"];
        for (const char* member : {"inputArtifactNames", "secretNames", "configMapNames"}) {
            if (action[member].is_list()) item[member] = action[member];
        }
        for (const auto& [artifact, ignored] : action["outputArtifacts"].map_or_empty())
            item["outputArtifactNames"].push_back(artifact);
    }
    return view;
}

net::ServerResponse list_blueprints(Services& services, const Request& request) {
    Page page(request.http, {"id", "-id", "createdAt", "-createdAt"});
    const auto list =
        services.cluster.list(cluster::types::kBlueprints, {.ns = services.controller_namespace});
    for (const Value& blueprint : list.items) page.offer(blueprint_view(blueprint));
    return json_response(page.take());
}

net::ServerResponse get_blueprint(Services& services, const Request& request) {
    const std::string& name = request.parameter("name");
    try {
        const Value blueprint =
            services.cluster.get({cluster::types::kBlueprints, services.controller_namespace, name});
        return tagged(request.http, blueprint, blueprint_view(blueprint));
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kNotFound) throw;
        throw Problem(404, "there is no blueprint '" + name + "'", "GET /v1/blueprints lists them");
    }
}

// The body is the manifest itself, YAML or JSON; any of our kinds, several documents too.
net::ServerResponse lint(Services& services, const Request& request) {
    const std::string type = media_type(request.http);
    if (type != "application/yaml" && type != "application/x-yaml" && type != "application/json") {
        throw Problem(415, type.empty() ? "the request has no Content-Type" : "the body is " + type,
                      "send application/yaml or application/json");
    }
    const auto diagnostics = lint::lint({"", request.http.body}, services.run.catalog->specs());
    Value body;
    body["valid"] = !model::has_errors(diagnostics);
    body["diagnostics"] = List{};
    for (const model::Diagnostic& found : diagnostics) {
        Value item;
        item["severity"] = found.severity == model::Severity::kError     ? "error"
                           : found.severity == model::Severity::kWarning ? "warning"
                                                                         : "info";
        item["line"] = found.position.line;
        item["column"] = found.position.column;
        item["rule"] = found.rule;
        item["message"] = found.message;
        if (!found.hint.empty()) item["hint"] = found.hint;
        body["diagnostics"].push_back(std::move(item));
    }
    return json_response(body);
}

std::map<std::string, std::map<std::string, Value>> outputs_of(BodyCheck& check) {
    std::map<std::string, std::map<std::string, Value>> outputs;
    if (!check.object("/outputs")) return outputs;
    for (const auto& [phase, given] : check.at("/outputs").map_or_empty()) {
        if (phase.find('/') != std::string::npos || phase.find('~') != std::string::npos) {
            check.fail("/outputs", "'" + phase + "' is no phase's name");
            continue;
        }
        for (const auto& [key, text] : check.texts("/outputs/" + phase)) outputs[phase][key] = Value(text);
    }
    return outputs;
}

// What POST /v1/actions would run for the same body, with every argument rendered; nothing runs, and no value
// of a Secret is shown.
net::ServerResponse render(Services& services, const Request& request) {
    Value body = json_body(request.http);
    run::PreviewInputs inputs{format_rfc3339(services.clock.now()), {}};
    if (body.find("outputs") != nullptr) {
        BodyCheck check(body);
        inputs.outputs = outputs_of(check);
        check.done();
        body.erase("outputs");
    }
    const Value action_set = action_set_from(body, request.access, services);
    const model::ActionSpec action = model::ActionSet::from(action_set).actions.at(0);
    cluster::HiddenSecrets hidden(services.cluster);
    run::World world{hidden, services.clock, *services.run.http, services.log, services.controller_namespace};
    const auto blueprint =
        model::Blueprint::from(run::fetch_blueprint(world, services.controller_namespace, action));
    Value view;
    try {
        view = run::preview(world, *services.run.catalog, run::find_action(blueprint, action.name), action,
                            inputs);
    } catch (const Error& error) {
        throw Problem(422, error.what(), error.hint());
    }
    view["valid"] = !run::has_errors(view);
    view["action"] = action.name;
    view["blueprint"] = action.blueprint;
    view["bindingReason"] = action_set.get("metadata", "annotations", kBlueprintReason);
    return json_response(view);
}

}  // namespace

void add_blueprint_routes(Router& router, Services& services) {
    const auto add = [&](const char* method, const char* pattern, auto handler) {
        router.add(method, pattern,
                   [&services, handler](const Request& request) { return handler(services, request); });
    };
    add("GET", "/v1/blueprints", list_blueprints);
    add("GET", "/v1/blueprints/{name}", get_blueprint);
    add("POST", "/v1/lint", lint);
    add("POST", "/v1/render", render);
}

}  // namespace fencepost::api
