// Whole applications: backups and restores of a namespace, what they made, and policies. Each is an object
// that kubectl shows too; a request's body is the object's spec, member by member.
#include <algorithm>

#include "api/body_check.h"
#include "api/conditional.h"
#include "api/idempotency.h"
#include "api/long_poll.h"
#include "api/pages.h"
#include "api/routes.h"
#include "base/ascii.h"
#include "base/error.h"
#include "cluster/idempotent.h"
#include "cluster/kube/definitions.h"
#include "cluster/requester.h"
#include "model/restore_fields.h"
#include "model/verification.h"

namespace fencepost::api {
namespace {

namespace types = cluster::types;

// What somebody asks for in a namespace.
struct Kind {
    const char* path;  // /v1/namespaces/NS/...
    const char* noun;
    const char* kind;
    const cluster::ResourceType& type;
    bool has_subject;  // a restore point
    Role starter;      // who may ask for it
};
constexpr const char* kApiVersion = "fencepost.io/v1alpha1";
const Kind kBackup{"backups", "backup", "BackupAction", types::kBackupActions, false, Role::kOperator};
const Kind kRestore{"restores", "restore", "RestoreAction", types::kRestoreActions, true, Role::kOperator};
const Kind kExport{"exports", "export", "ExportAction", types::kExportActions, true, Role::kOperator};
const Kind kValidation{"validations",           "validation", "ValidateAction",
                       types::kValidateActions, true,         Role::kOperator};
// Makes namespaces that are missing.
const Kind kImport{"imports", "import", "ImportAction", types::kImportActions, false, Role::kAdmin};
const Kind kRun{"runs", "run", "RunAction", types::kRunActions, false, Role::kOperator};

std::string state_of(const Value& object) {
    return ascii_lower(object.get("status", "state").string_or("pending"));
}

bool has_ended(const Value& object) {
    const std::string state = state_of(object);
    return state == "complete" || state == "failed" || state == "cancelled" || state == "skipped";
}

void copy(Value& view, const char* name, const Value& value) {
    if (!value.is_nil()) view[name] = value;
}
void copy(Value& view, const Value& from, std::initializer_list<const char*> members) {
    for (const char* member : members) copy(view, member, from[member]);
}

Value action_view(const Value& object) {
    const Value& status = object["status"];
    Value view;
    view["id"] = cluster::name_of(object);
    view["namespace"] = cluster::namespace_of(object);
    view["state"] = state_of(object);
    view["createdAt"] = object.get("metadata", "creationTimestamp");
    copy(view, "requestedBy", object.get("metadata", "annotations", cluster::kRequestedBy));
    copy(view, "startedAt", status["startTime"]);
    copy(view, "endedAt", status["endTime"]);
    copy(view, status,
         {"progress", "restorePoint", "error", "exceptions", "steps", "window", "volumes", "checks",
          "restore", "available", "readiness", "signedBy"});
    Value spec = object["spec"];
    if (spec.is_map()) spec.erase("cancel");
    copy(view, "spec", spec);
    return view;
}

// Whose backup it is, by namespace.
std::string application_of(const Value& content) {
    return content.get("spec", "application", "namespace").string_or("");
}

Value restore_point_view(const Value& content) {
    const Value& spec = content["spec"];
    Value view;
    view["id"] = cluster::name_of(content);
    view["createdAt"] = content.get("metadata", "creationTimestamp");
    view["namespace"] = spec.get("application", "namespace");
    copy(view, spec, {"actionTime", "scheduledTime", "expiresAt", "objects"});
    copy(view, "backup", spec.get("backupAction", "name"));
    copy(view, "requestedBy", spec.get("backupAction", "requestedBy"));
    copy(view, "policy", content.get("metadata", "labels", "k10.kasten.io/policyName"));
    copy(view, "restorePoint", content.get("status", "restorePointRef"));
    copy(view, "verification", content.get("status", "verification"));
    copy(view, "location", spec.get("export", "location"));
    view["volumes"] = List{};
    for (const Value& volume : spec["volumes"].list_or_empty()) view["volumes"].push_back(volume["claim"]);
    view["resources"] = List{};
    for (const Value& resource : spec["resources"].list_or_empty()) {
        Value item;
        copy(item, resource, {"kind", "name", "blueprint", "artifacts", "evidence"});
        view["resources"].push_back(std::move(item));
    }
    return view;
}

Value policy_view(const Value& object) {
    Value view;
    view["id"] = cluster::name_of(object);
    view["namespace"] = cluster::namespace_of(object);
    view["createdAt"] = object.get("metadata", "creationTimestamp");
    copy(view, object["spec"], {"frequency", "paused", "retention", "comment"});
    copy(view, "preset", object.get("spec", "presetRef"));
    copy(view, object["status"], {"validation", "error", "restored"});
    return view;
}

// The one of that name, where the caller may see its namespace; else it looks as if it were not there.
Value find(Services& services, const Request& request, const cluster::ResourceType& type,
           const std::string& noun, Role role) {
    const std::string& ns = request.parameter("namespace");
    const std::string& name = request.parameter("name");
    if (request.access.may(Role::kViewer, ns)) {
        if (const auto object = cluster::find_object(services.cluster, {type, ns, name})) {
            request.access.require(role, ns);
            require_match(request.http, *object);
            return *object;
        }
    }
    throw Problem(404, "there is no " + noun + " '" + name + "' in the namespace '" + ns + "'");
}

// Whoever restores or exports reads what was backed up, wherever that was.
void require_subject(Services& services, const Access& access, const Value& subject) {
    if (subject["kind"].string_or("") != "RestorePointContent")
        return access.require(Role::kOperator, subject["namespace"].string_or(""));
    const auto content = cluster::find_object(
        services.cluster, {types::kRestorePointContents, "", subject["name"].string_or("")});
    const std::string ns = content ? application_of(*content) : "";
    access.require(Role::kOperator, ns);
}

Value spec_schema(const cluster::ResourceType& type) {
    const Value& definition = cluster::kube::definition_of(type);
    Value schema = definition.get("spec", "versions")
                       .list_or_empty()
                       .at(0)
                       .get("schema", "openAPIV3Schema", "properties", "spec");
    schema["properties"].erase("cancel");           // has a request of its own
    schema["properties"].erase("scratch");          // a validation's alone
    schema["properties"].erase("targetNamespace");  // is in the path
    if (type != types::kRestoreActions) return schema;
    const Map all = std::as_const(schema)["properties"].as_map();
    for (const Member& property : all) {
        if (!model::is_restore_field(property.key)) schema["properties"].erase(property.key);
    }
    return schema;
}

void one_of(BodyCheck& check, const char* pointer, const std::vector<std::string>& words) {
    const Value& given = check.at(pointer);
    if (!given.is_string() || std::find(words.begin(), words.end(), given.as_string()) != words.end()) return;
    check.fail(pointer, "is '" + given.as_string() + "'", "it is " + words[0] + " or " + words[1]);
}

net::ServerResponse start(Services& services, const Request& request, const Kind& kind, const std::string& ns,
                          const Value& body, const Value& spec) {
    return create_once(services, request, body,
                       {kind.type, ns, "/v1/namespaces/" + ns + "/" + kind.path + "/", action_view}, [&] {
                           Value object;
                           object["apiVersion"] = kApiVersion;
                           object["kind"] = kind.kind;
                           object["metadata"]["namespace"] = ns;
                           object["metadata"]["generateName"] = std::string(kind.noun) + "-";
                           object["spec"] = spec;
                           cluster::set_requester(object, request.access.name());
                           return object;
                       });
}

net::ServerResponse create(Services& services, const Request& request, const Kind& kind) {
    const std::string& ns = request.parameter("namespace");
    request.access.require(kind.starter, ns);
    const Value body = json_body(request.http);
    BodyCheck check(body);
    check.fits(spec_schema(kind.type));
    if (kind.has_subject && check.object("/subject", true)) {
        (void)check.text("/subject/name", true);
        one_of(check, "/subject/kind", {"RestorePoint", "RestorePointContent"});
    }
    // A backup or a restore may need none.
    if (check.object("/profile", &kind == &kExport || &kind == &kImport) && check.at("/profile").is_map())
        (void)check.text("/profile/name", true);
    one_of(check, "/blueprintSource", {"stored", "live"});
    const std::int64_t percent = check.at("/volumeDataCheckOptions/verifyFilesPercent").int_or(0);
    if (percent < 0 || percent > 100)
        check.fail("/volumeDataCheckOptions/verifyFilesPercent", "is not 0 to 100");
    if (&kind == &kValidation && !check.has_failed()) {
        model::Problems problems;
        (void)model::Verification::read(check.at("/restore"), "/restore", problems);
        for (const model::Problem& problem : problems.all())
            check.fail(problem.pointer, problem.message, problem.hint);
    }
    check.done();
    Value spec = body;
    if (kind.has_subject) {
        Value& subject = spec["subject"];
        if (subject["namespace"].string_or("").empty()) subject["namespace"] = ns;
        require_subject(services, request.access, subject);
    } else if (&kind == &kBackup) {
        spec["subject"] = Map{{"name", ns}, {"namespace", ns}};
    }
    return start(services, request, kind, ns, body, spec);
}

net::ServerResponse list(Services& services, const Request& request, const Kind& kind) {
    const std::string& ns = request.parameter("namespace");
    request.access.require(Role::kViewer, ns);
    Page page(request.http, {"-createdAt", "createdAt", "id", "-id", "state", "-state"});
    for (const Value& object : services.cluster.list(kind.type, {.ns = ns}).items)
        page.offer(action_view(object));
    return json_response(page.take());
}

net::ServerResponse get(Services& services, const Request& request, const Kind& kind) {
    const Value object = wait_for_end(
        services, request.http, kind.type, find(services, request, kind.type, kind.noun, Role::kViewer),
        std::string("the ") + kind.noun + " '" + request.parameter("name") + "'", has_ended);
    return tagged(request.http, object, action_view(object));
}

net::ServerResponse cancel(Services& services, const Request& request, const Kind& kind) {
    (void)empty_body(request.http);
    const Value object = find(services, request, kind.type, kind.noun, Role::kOperator);
    const std::string state = state_of(object);
    if (state == "cancelled") return tagged(request.http, object, action_view(object));
    if (has_ended(object)) {
        throw Problem(409, std::string("the ") + kind.noun + " '" + cluster::name_of(object) + "' is " +
                               state + " already");
    }
    Value patch;
    patch["spec"]["cancel"] = true;
    return json_response(action_view(services.cluster.patch(
                             {kind.type, cluster::namespace_of(object), cluster::name_of(object)},
                             cluster::PatchType::kMerge, patch)),
                         202);
}

net::ServerResponse list_restore_points(Services& services, const Request& request) {
    Page page(request.http, {"-createdAt", "createdAt", "id", "-id", "namespace", "-namespace"});
    const std::string wanted = request.http.query_parameter("namespace");
    for (const Value& content : services.cluster.list(types::kRestorePointContents).items) {
        const std::string ns = application_of(content);
        if ((wanted.empty() || wanted == ns) && request.access.may(Role::kViewer, ns))
            page.offer(restore_point_view(content));
    }
    return json_response(page.take());
}

Value find_restore_point(Services& services, const Request& request, Role role) {
    const std::string& name = request.parameter("name");
    const auto content = cluster::find_object(services.cluster, {types::kRestorePointContents, "", name});
    if (content && request.access.may(Role::kViewer, application_of(*content))) {
        request.access.require(role, application_of(*content));
        require_match(request.http, *content);
        return *content;
    }
    throw Problem(404, "there is no restore point '" + name + "'", "GET /v1/restorepoints lists them");
}

// Its data goes with it; 202, as that takes its time.
net::ServerResponse delete_restore_point(Services& services, const Request& request) {
    const Value content = find_restore_point(services, request, Role::kAdmin);
    services.cluster.remove({types::kRestorePointContents, "", cluster::name_of(content)});
    return json_response(restore_point_view(content), 202);
}

net::ServerResponse list_policies(Services& services, const Request& request) {
    Page page(request.http, {"id", "-id", "createdAt", "-createdAt"});
    for (const Value& policy : services.cluster.list(types::kPolicies).items) {
        if (request.access.may(Role::kViewer, cluster::namespace_of(policy))) page.offer(policy_view(policy));
    }
    return json_response(page.take());
}

// The run is for whoever may back up all that the policy selects, which is who may change its namespace.
net::ServerResponse run_policy(Services& services, const Request& request) {
    const Value body = optional_json_body(request.http);
    std::string expires_at;
    if (!body.is_nil()) {
        BodyCheck check(body);
        check.only("", {"expiresAt"});
        expires_at = check.text("/expiresAt");
        check.fits(spec_schema(kRun.type));
        check.done();
    }
    const Value policy = find(services, request, types::kPolicies, "policy", Role::kOperator);
    Value spec;
    spec["subject"] = Map{
        {"kind", "Policy"}, {"name", cluster::name_of(policy)}, {"namespace", cluster::namespace_of(policy)}};
    if (!expires_at.empty()) spec["expiresAt"] = expires_at;
    const std::string ns = cluster::namespace_of(policy);
    return start(services, request, kRun, ns, body, spec);
}

}  // namespace

void add_protection_routes(Router& router, Services& services) {
    for (const Kind* kind : {&kBackup, &kRestore, &kExport, &kImport, &kValidation, &kRun}) {
        const std::string all = std::string("/v1/namespaces/{namespace}/") + kind->path;
        const auto add = [&](const char* method, const std::string& pattern, auto handler) {
            router.add(method, pattern, [&services, kind, handler](const Request& request) {
                return handler(services, request, *kind);
            });
        };
        if (kind != &kRun) add("POST", all, create);  // a policy's is made by the policy's own request
        add("GET", all, list);
        add("GET", all + "/{name}", get);
        add("POST", all + "/{name}/cancel", cancel);
    }
    const auto add = [&](const char* method, const char* pattern, auto handler) {
        router.add(method, pattern,
                   [&services, handler](const Request& request) { return handler(services, request); });
    };
    add("GET", "/v1/restorepoints", list_restore_points);
    add("DELETE", "/v1/restorepoints/{name}", delete_restore_point);
    router.add("GET", "/v1/restorepoints/{name}", [&services](const Request& request) {
        const Value content = find_restore_point(services, request, Role::kViewer);
        return tagged(request.http, content, restore_point_view(content));
    });
    add("GET", "/v1/policies", list_policies);
    add("POST", "/v1/policies/{namespace}/{name}/run", run_policy);
}

}  // namespace fencepost::api
