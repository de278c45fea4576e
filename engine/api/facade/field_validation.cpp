#include "api/facade/field_validation.h"

#include "api/facade/schemas.h"
#include "api/problem.h"
#include "cluster/invalid_object.h"
#include "value/json.h"

namespace fencepost::api::facade {
namespace {

bool is_of(const Value& value, std::string_view type) {
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_bool();
    if (type == "integer") return value.kind() == Kind::kInt || value.kind() == Kind::kUint;
    if (type == "number") return value.is_number();
    if (type == "array") return value.is_list();
    return type != "object" || value.is_map();
}

std::string child(const std::string& path, const std::string& key) {
    return path.empty() ? key : path + "." + key;
}

}  // namespace

FieldValidation::FieldValidation(cluster::Cluster& cluster, const Target& target,
                                 const net::ServerRequest& request)
    : schema_(schema_of(target.type, definition_of(cluster, target.type.type))), kind_(target.type.kind) {
    const std::string mode = request.query_parameter("fieldValidation");
    if (mode == "Ignore") {
        mode_ = Mode::kIgnore;
    } else if (mode == "Strict") {
        mode_ = Mode::kStrict;
    } else if (!mode.empty() && mode != "Warn") {
        throw Problem(400, "fieldValidation is Ignore, Warn or Strict, not '" + mode + "'");
    }
}

void FieldValidation::check(const Value& object) {
    unknown_.clear();
    name_ = cluster::name_of(object);
    check(object, schema_, "");
    if (mode_ != Mode::kStrict || unknown_.empty()) return;
    std::string text;
    for (const std::string& field : unknown_) text += (text.empty() ? "" : ", ") + field;
    throw Error(ErrorKind::kInvalid, kind_ + " in version \"" + object["apiVersion"].string_or("") +
                                         "\" cannot be handled as a " + kind_ +
                                         ": strict decoding error: " + text);
}

void FieldValidation::check(const Value& value, const Value& schema, const std::string& path) {
    if (value.is_nil()) return;
    if (schema["x-kubernetes-int-or-string"].bool_or(false)) {
        if (!value.is_string() && !is_of(value, "integer")) wrong_type(value, "integer or string", path);
        return;
    }
    if (schema.find("$ref") != nullptr) return check(value, object_meta_schema(), path);
    const std::string type = schema["type"].string_or("");
    if (!is_of(value, type)) wrong_type(value, type, path);
    if (value.is_map()) check_members(value, schema, path);
    if (value.is_list() && schema["items"].is_map()) {
        const List& items = value.as_list();
        for (std::size_t i = 0; i < items.size(); ++i)
            check(items[i], schema["items"], path + "[" + std::to_string(i) + "]");
    }
}

void FieldValidation::check_members(const Value& value, const Value& schema, const std::string& path) {
    const Value& properties = schema["properties"];
    const Value& others = schema["additionalProperties"];
    const bool is_open = schema["x-kubernetes-preserve-unknown-fields"].bool_or(false) ||
                         others.bool_or(false) || (properties.is_nil() && others.is_nil());
    for (const Member& member : value.as_map()) {
        const std::string place = child(path, member.key);
        if (const Value* known = properties.find(member.key)) {
            check(member.value, *known, place);
        } else if (others.is_map()) {
            check(member.value, others, place);
        } else if (!is_open && mode_ != Mode::kIgnore) {
            unknown_.push_back("unknown field \"" + place + "\"");
        }
    }
}

void FieldValidation::wrong_type(const Value& value, const std::string& expected,
                                 const std::string& path) const {
    const std::string what(value.is_map()      ? "object"
                           : value.is_list()   ? "array"
                           : value.is_bool()   ? "boolean"
                           : value.is_number() ? "number"
                                               : "string");
    throw cluster::InvalidObject(kind_, name_, path.empty() ? "(root)" : path,
                                 "Invalid value: \"" + what + "\": " + (path.empty() ? "the object" : path) +
                                     " in body must be of type " + expected + ": \"" + what + "\"");
}

net::ServerResponse FieldValidation::with_warnings(net::ServerResponse response) const {
    for (const std::string& field : unknown_) {
        std::string quoted;
        for (const char c : field) quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
        response.headers.emplace_back("Warning", "299 - \"" + quoted + "\"");
    }
    return response;
}

}  // namespace fencepost::api::facade
