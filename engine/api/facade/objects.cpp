#include "api/facade/facade.h"
#include "api/facade/field_validation.h"
#include "api/facade/protobuf.h"
#include "api/facade/representation.h"
#include "api/facade/requester.h"
#include "api/facade/status.h"
#include "base/error.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::api::facade {
namespace {

Value object_body(const net::ServerRequest& request, const Target& target) {
    const std::string type = media_type(request);
    // Also none at all is refused: a browser sends that without asking first.
    if (type != "application/json" && type != "application/yaml" && type != kProtobuf) {
        throw Problem(415, "the body is " + (type.empty() ? "of no content type" : type) +
                               "; send application/json or application/yaml");
    }
    Value object = parse_body(request);
    if (!object.is_map()) throw Problem(400, "the body is no object");
    // What the body leaves out comes from the path; what it says otherwise is a mistake.
    const auto settle = [](Value& member, const std::string& expected, const char* what) {
        if (member.string_or("").empty()) {
            member = expected;
        } else if (member.string_or("") != expected) {
            throw Problem(400, std::string("the ") + what + " of the object (" + member.string_or("") +
                                   ") does not match the " + what + " of the request (" + expected + ")");
        }
    };
    settle(object["apiVersion"], api_version_of(target.type.type), "apiVersion");
    settle(object["kind"], target.type.kind, "kind");
    if (!target.ns.empty()) settle(object["metadata"]["namespace"], target.ns, "namespace");
    if (!target.name.empty()) settle(object["metadata"]["name"], target.name, "name");
    return object;
}

cluster::DeleteOptions delete_options(const net::ServerRequest& request) {
    Value body;
    if (!request.body.empty()) body = parse_body(request);
    cluster::DeleteOptions options;
    const std::int64_t grace =
        number_of(request, "gracePeriodSeconds", body["gracePeriodSeconds"].int_or(-1));
    if (grace >= 0) options.grace_period = std::chrono::seconds(grace);
    std::string propagation = request.query_parameter("propagationPolicy");
    if (propagation.empty()) propagation = body["propagationPolicy"].string_or("");
    const bool is_orphan = is_set(request, "orphanDependents") || body["orphanDependents"].bool_or(false);
    if (propagation.empty()) propagation = is_orphan ? "Orphan" : "Background";  // the old way to say it
    using Propagation = cluster::DeleteOptions::Propagation;
    if (propagation == "Foreground") {
        options.propagation = Propagation::kForeground;
    } else if (propagation == "Orphan") {
        options.propagation = Propagation::kOrphan;
    } else if (propagation != "Background") {
        throw Problem(400,
                      "propagationPolicy is Foreground, Background or Orphan, not '" + propagation + "'");
    }
    options.precondition_uid = body.get("preconditions", "uid").string_or("");
    options.precondition_resource_version = body.get("preconditions", "resourceVersion").string_or("");
    options.dry_run = is_dry_run(request) || !body["dryRun"].list_or_empty().empty();
    return options;
}

cluster::ListOptions list_options(const Target& target, const net::ServerRequest& request) {
    cluster::ListOptions options;
    options.ns = target.ns;
    options.label_selector = request.query_parameter("labelSelector");
    options.field_selector = request.query_parameter("fieldSelector");
    options.limit = number_of(request, "limit", 0);
    options.continue_token = request.query_parameter("continue");
    return options;
}

// Who says nothing is known by the first word of the User-Agent.
std::string field_manager(const net::ServerRequest& request) {
    const std::string manager = request.query_parameter("fieldManager");
    const std::string_view agent = request.header("User-Agent");
    return manager.empty() ? std::string(agent.substr(0, agent.find('/'))) : manager;
}

// Created objects answer 201, also those that an apply patch brought about.
int patched_status(cluster::PatchType type, bool existed) {
    return type == cluster::PatchType::kApply && !existed ? 201 : 200;
}

bool exists(cluster::Cluster& cluster, const cluster::ObjectKey& key) {
    try {
        (void)cluster.get(key);
        return true;
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::kNotFound) return false;
        throw;
    }
}

net::ServerResponse patch_object(cluster::Cluster& cluster, const Target& target,
                                 const net::ServerRequest& request) {
    const cluster::PatchType type = patch_type(request);
    const Value patch = parse_body(request);
    cluster::PatchOptions options;
    options.field_manager = field_manager(request);
    options.force = is_set(request, "force");
    options.dry_run = is_dry_run(request);
    options.subresource = target.subresource;
    if (type == cluster::PatchType::kApply && request.query_parameter("fieldManager").empty()) {
        throw Problem(400, "an apply patch needs the parameter fieldManager");
    }
    FieldValidation validation(cluster, target, request);
    const bool existed = type != cluster::PatchType::kApply || exists(cluster, target.key());
    const KeptRequester requester(cluster, target);
    options.check = [&](const Value& patched) {
        validation.check(patched);
        requester.check(patched);
    };
    const Value patched = cluster.patch(target.key(), type, patch, options);
    return validation.with_warnings(json_response(Representation(cluster, target, request).of_object(patched),
                                                  patched_status(type, existed)));
}

}  // namespace

Value parse_body(const net::ServerRequest& request) {
    const std::string type = media_type(request);
    try {
        if (type == kProtobuf) return parse_protobuf(request.body);
        return type.find("yaml") == std::string::npos ? parse_json(request.body)
                                                      : parse_yaml_value(request.body);
    } catch (const Error& error) {
        const bool is_unknown = error.kind() == ErrorKind::kUnsupported;
        throw Problem(is_unknown ? 415 : 400, std::string("the body does not parse: ") + error.what());
    }
}

bool is_dry_run(const net::ServerRequest& request) {
    const std::string value = request.query_parameter("dryRun");
    if (!value.empty() && value != "All") throw Problem(400, "dryRun takes All, not '" + value + "'");
    return value == "All";
}

cluster::PatchType patch_type(const net::ServerRequest& request) {
    const std::string type = media_type(request);
    if (type == "application/json-patch+json") return cluster::PatchType::kJson;
    if (type == "application/merge-patch+json") return cluster::PatchType::kMerge;
    if (type == "application/strategic-merge-patch+json") return cluster::PatchType::kStrategicMerge;
    if (type == "application/apply-patch+yaml") return cluster::PatchType::kApply;
    throw Problem(415,
                  "a patch is application/merge-patch+json, application/json-patch+json, "
                  "application/strategic-merge-patch+json or application/apply-patch+yaml, not '" +
                      type + "'");
}

net::ServerResponse read_objects(cluster::Cluster& cluster, const Target& target,
                                 const net::ServerRequest& request) {
    const Representation shown(cluster, target, request);
    if (!target.name.empty()) return json_response(shown.of_object(cluster.get(target.key())));
    return json_response(shown.of_list(cluster.list(target.type.type, list_options(target, request))));
}

net::ServerResponse write_object(cluster::Cluster& cluster, const Target& target,
                                 const net::ServerRequest& request, const std::string& caller) {
    const bool is_collection = target.name.empty();
    if (is_collection != (request.method == "POST")) {
        throw Error(ErrorKind::kUnsupported, request.method + " is not for " +
                                                 (is_collection ? "a collection" : "an object") + " of " +
                                                 target.type.type.resource);
    }
    if (request.method == "PATCH") return patch_object(cluster, target, request);
    Value object = object_body(request, target);
    FieldValidation validation(cluster, target, request);
    validation.check(object);
    const auto answer = [&](const Value& stored, int status) {
        return validation.with_warnings(
            json_response(Representation(cluster, target, request).of_object(stored), status));
    };
    cluster::WriteOptions options;
    options.field_manager = field_manager(request);
    options.dry_run = is_dry_run(request);
    options.subresource = target.subresource;
    if (request.method == "POST") {
        if (target.type.is_namespaced && target.ns.empty()) {
            throw Error(ErrorKind::kUnsupported, "create " + target.type.type.resource + " in a namespace");
        }
        mark_requester(target, caller, object);
        return answer(cluster.create(target.type.type, object, options), 201);
    }
    KeptRequester(cluster, target).check(object);
    return answer(cluster.replace(target.type.type, object, options), 200);
}

net::ServerResponse delete_objects(cluster::Cluster& cluster, const Target& target,
                                   const net::ServerRequest& request) {
    const cluster::DeleteOptions options = delete_options(request);
    if (!target.name.empty()) {
        const Value object = cluster.remove(target.key(), options);
        if (object["metadata"]["deletionTimestamp"].is_string()) return json_response(object);
        return json_response(success_status(target, cluster::uid_of(object)));
    }
    const cluster::ObjectList list = cluster.list(target.type.type, list_options(target, request));
    for (const Value& item : list.items) {
        try {
            (void)cluster.remove({target.type.type, cluster::namespace_of(item), cluster::name_of(item)},
                                 options);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::kNotFound) throw;  // somebody else was faster
        }
    }
    return json_response(Representation(cluster, target, request).of_list(list));
}

}  // namespace fencepost::api::facade
