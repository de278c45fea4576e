#include "api/facade/openapi.h"

#include <algorithm>
#include <set>

#include "api/facade/schemas.h"
#include "api/facade/status.h"
#include "api/facade/target.h"
#include "base/encodings.h"
#include "value/json.h"

namespace fencepost::api::facade {
namespace {

using cluster::ResourceDescription;

// "io.kanister.cr.v1alpha1.ActionSet", as Kubernetes names the schemas of custom types.
std::string schema_name(const ResourceDescription& type) {
    std::string name;
    std::string_view group = type.type.group.empty() ? "core.api.k8s.io" : std::string_view(type.type.group);
    while (!group.empty()) {
        const std::size_t dot = group.rfind('.');
        name += std::string(group.substr(dot == std::string_view::npos ? 0 : dot + 1)) + ".";
        group = dot == std::string_view::npos ? std::string_view() : group.substr(0, dot);
    }
    return name + type.type.version + "." + type.kind;
}

Value parameter(const char* name, const char* in, const char* description) {
    Value value;
    value["name"] = name;
    value["in"] = in;
    value["description"] = description;
    if (in == std::string_view("path")) value["required"] = true;
    return value;
}

struct Dialect {
    bool is_v3;
    [[nodiscard]] Value text_parameter(const char* name, const char* in, const char* description) const {
        Value value = parameter(name, in, description);
        if (is_v3)
            value["schema"]["type"] = "string";
        else
            value["type"] = "string";
        return value;
    }
    [[nodiscard]] std::string reference(const std::string& name) const {
        return (is_v3 ? "#/components/schemas/" : "#/definitions/") + name;
    }
};

// One operation on a type. No document lists the strategic merge patch: clients know the merge keys of
// Kubernetes' own kinds by themselves, and the schemas here do not repeat them.
Value operation(const ResourceDescription& type, const char* action, const Dialect& dialect) {
    Value gvk;
    gvk["group"] = type.type.group;
    gvk["version"] = type.type.version;
    gvk["kind"] = type.kind;
    Value result;
    result["operationId"] = std::string(action) + schema_name(type);
    result["x-kubernetes-action"] = action;
    result["x-kubernetes-group-version-kind"] = gvk;
    Value& ok = result["responses"]["200"];
    ok["description"] = "OK";
    Value schema;
    schema["$ref"] = dialect.reference(schema_name(type));
    if (dialect.is_v3)
        ok["content"]["application/json"]["schema"] = schema;
    else
        ok["schema"] = schema;
    if (action == std::string_view("get") || action == std::string_view("list")) return result;
    result["parameters"].push_back(
        dialect.text_parameter("dryRun", "query", "All: check, but store nothing."));
    result["parameters"].push_back(dialect.text_parameter("fieldManager", "query", "Who makes the change."));
    result["parameters"].push_back(dialect.text_parameter(
        "fieldValidation", "query", "Ignore, Warn or Strict: what unknown fields are."));
    return result;
}

void add_paths(Value& paths, const ResourceDescription& type, const Dialect& dialect) {
    const std::string base =
        (type.type.group.empty() ? "/api/" : "/apis/" + type.type.group + "/") + type.type.version + "/";
    const std::string collection =
        base + (type.is_namespaced ? "namespaces/{namespace}/" : "") + type.type.resource;
    Value many;
    many["get"] = operation(type, "list", dialect);
    many["post"] = operation(type, "post", dialect);
    Value one;
    for (const char* verb : {"get", "put", "patch", "delete"}) one[verb] = operation(type, verb, dialect);
    for (Value* path : {&many, &one}) {
        if (type.is_namespaced)
            (*path)["parameters"].push_back(dialect.text_parameter("namespace", "path", "The namespace."));
    }
    one["parameters"].push_back(dialect.text_parameter("name", "path", "The name."));
    paths[collection] = std::move(many);
    paths[collection + "/{name}"] = std::move(one);
}

// In v2 schemas refer to /definitions.
Value with_references(const Value& schema, const Dialect& dialect) {
    if (dialect.is_v3) return schema;
    Value result = schema;
    result["properties"]["metadata"]["$ref"] = dialect.reference(kObjectMeta);
    return result;
}

Value document(cluster::Cluster& cluster, const std::vector<ResourceDescription>& types,
               const Dialect& dialect) {
    Value schemas;
    Value paths(Map{});
    schemas[kObjectMeta] = object_meta_schema();
    for (const auto& type : types) {
        schemas[schema_name(type)] =
            with_references(schema_of(type, definition_of(cluster, type.type)), dialect);
        add_paths(paths, type, dialect);
    }
    Value body;
    body["info"]["title"] = "Fencepost's embedded cluster";
    body["info"]["version"] = "v1";
    body["paths"] = std::move(paths);
    if (dialect.is_v3) {
        body["openapi"] = "3.0.0";
        body["components"]["schemas"] = std::move(schemas);
    } else {
        body["swagger"] = "2.0";
        body["definitions"] = std::move(schemas);
    }
    return body;
}

std::string path_of(const cluster::ResourceType& type) {
    return (type.group.empty() ? "api/" : "apis/" + type.group + "/") + type.version;
}

Value one_version(cluster::Cluster& cluster, const std::string& path) {
    std::vector<ResourceDescription> types;
    for (auto& type : cluster.types()) {
        if (path_of(type.type) == path) types.push_back(std::move(type));
    }
    if (types.empty()) throw Problem(404, "the server could not find the requested resource");
    return document(cluster, types, {.is_v3 = true});
}

// The hash tells clients that cache whether a document has changed.
Value index(cluster::Cluster& cluster) {
    std::set<std::string> paths;
    for (const auto& type : cluster.types()) paths.insert(path_of(type.type));
    Value body;
    for (const std::string& path : paths) {
        const std::string hash = sha256_hex(to_json(one_version(cluster, path)));
        body["paths"][path]["serverRelativeURL"] = "/openapi/v3/" + path + "?hash=" + hash;
    }
    return body;
}

}  // namespace

void add_openapi(Router& router, cluster::Cluster& cluster) {
    router.add(
        "GET", "/openapi/v3", [&cluster](const Request&) { return json_response(index(cluster)); },
        &problem_as_status);
    router.add(
        "GET", "/openapi/v3/{path...}",
        [&cluster](const Request& request) {
            return json_response(one_version(cluster, request.parameter("path")));
        },
        &problem_as_status);
    router.add(
        "GET", "/openapi/v2",
        [&cluster](const Request&) {
            return json_response(document(cluster, cluster.types(), {.is_v3 = false}));
        },
        &problem_as_status);
}

}  // namespace fencepost::api::facade
