#include "cli/json_schema.h"

#include <optional>

#include "api/facade/schemas.h"
#include "cluster/local/type_table.h"

namespace fencepost::cli {
namespace {

constexpr const char* kDraft = "https://json-schema.org/draft/2020-12/schema";

Value types(std::initializer_list<const char*> names) {
    List list;
    for (const char* name : names) list.emplace_back(name);
    return Value(Map{{"type", std::move(list)}});
}

// What an argument may be in a file: its kind, what is converted to it, or a template.
Value schema_of(const model::ArgSpec& arg) {
    Value schema = Map{};
    switch (arg.type) {
        case model::ArgType::kString:
            schema = types({"string", "number", "boolean"});
            break;
        case model::ArgType::kStringList:
            schema = types({"array", "string", "number", "boolean"});
            schema["items"] = types({"string", "number", "boolean"});
            break;
        case model::ArgType::kInt:
            schema = types({"integer", "string"});
            break;
        case model::ArgType::kBool:
            schema = types({"boolean", "string"});
            break;
        case model::ArgType::kMap:
            schema["type"] = "object";
            break;
        case model::ArgType::kAny:
            break;
    }
    if (!arg.description.empty()) schema["description"] = arg.description;
    return schema;
}

Value args_of(const model::FunctionSpec& function) {
    Value args;
    args["type"] = "object";
    args["description"] = function.description;
    args["additionalProperties"] = false;
    args["properties"] = Map{};
    for (const model::ArgSpec& arg : function.args) {
        args["properties"][arg.name] = schema_of(arg);
        if (arg.is_required) args["required"].push_back(arg.name);
    }
    return args;
}

// A phase's func is one of the functions, and its args are that one's.
void add_functions(Value& phase, std::span<const model::FunctionSpec> functions) {
    for (const model::FunctionSpec& function : functions) {
        phase["properties"]["func"]["enum"].push_back(function.name);
        Value branch;
        branch["if"]["properties"]["func"]["const"] = function.name;
        branch["then"]["properties"]["args"] = args_of(function);
        phase["allOf"].push_back(std::move(branch));
    }
    phase["required"] = List{"func", "name"};
    Value& condition = phase["properties"]["if"];
    condition["type"] = List{"string", "boolean"};
}

// OpenAPI's own words go, and what has listed members takes no others.
Value closed(const Value& schema) {
    if (schema.is_list()) {
        List list;
        for (const Value& item : schema.as_list()) list.push_back(closed(item));
        return list;
    }
    if (!schema.is_map()) return schema;
    const bool is_open = schema["x-kubernetes-preserve-unknown-fields"].bool_or(false);
    Map map;
    for (const Member& member : schema.as_map()) {
        if (!member.key.starts_with("x-kubernetes-")) map.set(member.key, closed(member.value));
    }
    if (schema["properties"].is_map() && schema["type"].is_string() && !is_open)
        map.set("additionalProperties", false);
    return map;
}

// Each constraint has its own operators, and type has patterns for values.
void narrow_requirement(Value& requirement) {
    requirement["minProperties"] = 1;
    requirement["maxProperties"] = 1;
    Value& constraints = requirement["properties"];
    for (const char* keyless : {"type", "namespace"}) constraints[keyless]["properties"].erase("key");
    for (const char* keyed : {"labels", "annotations"}) {
        constraints[keyed]["required"] = List{"key", "operator"};
        constraints[keyed]["properties"]["operator"]["enum"] = List{"In", "NotIn", "Exists", "DoesNotExist"};
    }
    constraints["namespace"]["properties"]["operator"]["enum"] =
        List{"In", "NotIn", "Exists", "DoesNotExist", "Glob"};
    Value& type = constraints["type"];
    type["required"] = List{"operator", "values"};
    type["properties"]["operator"]["enum"] = List{"In", "NotIn"};
    Value pattern;
    pattern["type"] = "object";
    pattern["additionalProperties"] = false;
    for (const char* member : {"group", "version", "resource", "name"})
        pattern["properties"][member]["type"] = "string";
    type["properties"]["values"]["items"] = std::move(pattern);
}

std::optional<cluster::ResourceDescription> type_named(const std::string& kind) {
    for (const auto& type : cluster::local::TypeTable().all()) {
        if (type.kind == kind) return type;
    }
    return std::nullopt;
}

}  // namespace

const std::vector<std::string>& schema_kinds() {
    static const std::vector<std::string> kKinds{"Blueprint", "ActionSet", "Profile", "BlueprintBinding"};
    return kKinds;
}

Value json_schema(const std::string& kind, std::span<const model::FunctionSpec> functions) {
    const cluster::ResourceDescription type = type_named(kind).value();
    Value served = api::facade::schema_of(type, {});
    served["properties"]["metadata"] = api::facade::object_meta_schema();
    Value schema = closed(served);
    schema["$schema"] = kDraft;
    schema["title"] = kind;
    Value& properties = schema["properties"];
    properties["apiVersion"]["const"] = type.type.group + "/" + type.type.version;
    properties["kind"]["const"] = kind;
    // What only the server writes.
    if (properties.find("status") != nullptr) properties["status"] = Value(Map{{"type", "object"}});
    schema["required"] = List{"apiVersion", "kind", "metadata"};
    if (kind == "Blueprint") {
        Value& action = properties["actions"]["additionalProperties"]["properties"];
        add_functions(action["phases"]["items"], functions);
        add_functions(action["deferPhase"], functions);
    }
    // The API keeps what old clients send; nothing reads it.
    if (kind == "ActionSet") {
        Value& action = properties["spec"]["properties"]["actions"]["items"];
        action["properties"].erase("repositoryServer");
    }
    if (kind == "BlueprintBinding") {
        Value& resources = properties["spec"]["properties"]["resources"]["properties"];
        for (const char* list : {"matchAll", "matchAny"}) narrow_requirement(resources[list]["items"]);
    }
    return schema;
}

Value json_schema(std::span<const model::FunctionSpec> functions) {
    Value schema;
    schema["$schema"] = kDraft;
    schema["title"] = "Fencepost";
    schema["type"] = "object";
    schema["required"] = List{"apiVersion", "kind"};
    for (const std::string& kind : schema_kinds()) {
        Value of_kind = json_schema(kind, functions);
        of_kind.erase("$schema");
        // Others have kinds of the same name.
        Value branch;
        branch["if"]["properties"]["kind"]["const"] = kind;
        branch["if"]["properties"]["apiVersion"] = of_kind["properties"]["apiVersion"];
        branch["then"]["$ref"] = "#/$defs/" + kind;
        schema["allOf"].push_back(std::move(branch));
        schema["$defs"][kind] = std::move(of_kind);
    }
    return schema;
}

}  // namespace fencepost::cli
