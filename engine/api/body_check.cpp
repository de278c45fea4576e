#include "api/body_check.h"

#include <algorithm>

#include "api/router.h"
#include "base/encodings.h"
#include "base/error.h"
#include "model/diagnostic.h"

namespace fencepost::api {
namespace {

std::string below(std::string_view pointer, std::string_view key) {
    std::string result = std::string(pointer) + "/";
    for (const char c : key) {
        if (c == '~')
            result += "~0";
        else if (c == '/')
            result += "~1";
        else
            result += c;
    }
    return result;
}

}  // namespace

BodyCheck::BodyCheck(const Value& body) : body_(body) {
    if (!body.is_map()) fail("", "expected an object, got " + std::string(to_string(body.kind())));
    done();
}

const Value& BodyCheck::at(std::string_view pointer) const noexcept {
    const Value* value = &body_;
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const std::string_view key = pointer.substr(0, pointer.find('/'));
        value = &(*value)[key];
        pointer.remove_prefix(key.size());
    }
    return *value;
}

std::string BodyCheck::text(std::string_view pointer, bool is_required) {
    const Value& value = at(pointer);
    if (value.is_string() && !(is_required && value.as_string().empty())) return value.as_string();
    if (value.is_nil() || value.is_string()) {
        if (is_required) fail(pointer, "is required");
        return {};
    }
    fail(pointer, "expected a string, got " + std::string(to_string(value.kind())));
    return {};
}

std::map<std::string, std::string> BodyCheck::texts(std::string_view pointer) {
    std::map<std::string, std::string> result;
    if (!object(pointer)) return result;
    for (const auto& [key, value] : at(pointer).map_or_empty()) {
        if (value.is_string()) {
            result.emplace(key, value.as_string());
        } else {
            fail(below(pointer, key), "expected a string, got " + std::string(to_string(value.kind())),
                 "put it in quotes");
        }
    }
    return result;
}

bool BodyCheck::object(std::string_view pointer, bool is_required) {
    const Value& value = at(pointer);
    if (value.is_map()) return true;
    if (value.is_nil()) {
        if (is_required) fail(pointer, "is required");
        return !is_required;
    }
    fail(pointer, "expected an object, got " + std::string(to_string(value.kind())));
    return false;
}

void BodyCheck::only(std::string_view pointer, const std::vector<std::string>& members) {
    refuse_others(pointer, at(pointer), members);
}

void BodyCheck::refuse_others(std::string_view pointer, const Value& object,
                              const std::vector<std::string>& members) {
    for (const auto& [key, value] : object.map_or_empty()) {
        if (std::find(members.begin(), members.end(), key) != members.end()) continue;
        const std::string near = model::nearest(key, members);
        fail(below(pointer, key), "is not known here", near.empty() ? "" : "did you mean '" + near + "'?");
    }
}

void BodyCheck::fits(const Value& schema) { fits("", body_, schema); }

void BodyCheck::fits(const std::string& pointer, const Value& value, const Value& schema) {
    const std::string type = schema["type"].string_or("");
    const bool is_right = type.empty() || (type == "object" && value.is_map()) ||
                          (type == "array" && value.is_list()) || (type == "string" && value.is_string()) ||
                          (type == "boolean" && value.is_bool()) ||
                          (type == "integer" && value.kind() == Kind::kInt);
    if (!is_right) return fail(pointer, "expected " + type + ", got " + std::string(to_string(value.kind())));
    if (schema["format"].string_or("") == "date-time") {
        try {
            (void)parse_rfc3339(value.string_or(""));
        } catch (const Error&) {
            fail(pointer, "is no time", "as in 2027-01-01T00:00:00Z");
        }
    }
    std::size_t index = 0;
    for (const Value& item : value.list_or_empty())
        fits(below(pointer, std::to_string(index++)), item, schema["items"]);
    if (schema["x-kubernetes-preserve-unknown-fields"].bool_or(false)) return;
    std::vector<std::string> known;
    for (const auto& [name, ignored] : schema["properties"].map_or_empty()) known.push_back(name);
    if (!schema["additionalProperties"].is_map()) refuse_others(pointer, value, known);
    for (const auto& [name, member] : value.map_or_empty()) {
        const Value& expected = schema.get("properties", name);
        if (expected.is_map())
            fits(below(pointer, name), member, expected);
        else if (schema["additionalProperties"].is_map())
            fits(below(pointer, name), member, schema["additionalProperties"]);
    }
}

void BodyCheck::fail(std::string_view pointer, std::string detail, std::string hint) {
    causes_.push_back({std::string(pointer), std::move(detail), std::move(hint)});
}

void BodyCheck::done() const {
    if (causes_.empty()) return;
    const Cause& first = causes_.front();
    const std::string detail =
        (first.pointer.empty() ? "the body" : first.pointer) + ": " + first.detail +
        (causes_.size() > 1 ? " (and " + std::to_string(causes_.size() - 1) + " more)" : "");
    throw Problem(422, detail, first.hint, causes_);
}

Value empty_body(const net::ServerRequest& request) {
    const Value body = optional_json_body(request);
    if (body.is_nil()) return body;
    BodyCheck check(body);
    check.only("", {});
    check.done();
    return body;
}

}  // namespace fencepost::api
