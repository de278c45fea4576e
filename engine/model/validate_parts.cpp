#include "model/validate_parts.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::model {
namespace {

bool is_object_name(std::string_view name) {
    const auto is_alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (name.empty() || name.size() > 253 || !is_alphanumeric(name.front()) || !is_alphanumeric(name.back()))
        return false;
    return std::all_of(name.begin(), name.end(),
                       [&](char c) { return is_alphanumeric(c) || c == '-' || c == '.'; });
}

}  // namespace

bool has_template(std::string_view text) noexcept { return text.find("{{") != std::string_view::npos; }

std::string hint_among(std::string_view name, const std::vector<std::string>& names, std::string_view lead) {
    if (const std::string near = nearest(name, names); !near.empty()) return "did you mean '" + near + "'?";
    if (names.empty()) return {};
    std::string text(lead);
    for (std::size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : ", ") + names[i];
    return text;
}

void check_metadata(const Value& object, Problems& problems) {
    const Value& metadata = object["metadata"];
    if (!problems.check(metadata, "/metadata", Kind::kMap)) return;
    for (const char* member : {"name", "generateName", "namespace"}) {
        if (!problems.check(metadata[member], child("/metadata", member), Kind::kString)) return;
    }
    problems.text_map(metadata["labels"], "/metadata/labels");
    problems.text_map(metadata["annotations"], "/metadata/annotations");
    const std::string name = metadata["name"].string_or("");
    if (name.empty()) {
        if (metadata["generateName"].string_or("").empty()) {
            problems.error("/metadata", "missing-field", "metadata.name is missing");
        }
    } else if (!is_object_name(name)) {
        problems.error("/metadata/name", "invalid-name", "'" + name + "' is no name for an object",
                       "use lower-case letters, digits, '-' and '.'");
    }
}

void check_reference(const Value& reference, const std::string& pointer, std::string_view what,
                     std::initializer_list<std::string_view> required, Problems& problems) {
    if (!problems.check(reference, pointer, Kind::kMap)) return;
    problems.only(reference, pointer, {"apiVersion", "group", "resource", "kind", "name", "namespace"});
    bool is_sound = true;
    for (const auto& [key, value] : reference.map_or_empty()) {
        is_sound = problems.check(value, child(pointer, key), Kind::kString) && is_sound;
    }
    if (!is_sound) return;
    for (const std::string_view member : required) {
        if (reference[member].string_or("").empty()) {
            problems.error(pointer, "missing-field", std::string(what) + " has no " + std::string(member),
                           member == "namespace" ? "it is never taken from elsewhere" : "");
        }
    }
}

void check_artifact(const Value& artifact, const std::string& pointer, Problems& problems) {
    if (artifact.is_nil()) {
        problems.error(pointer, "wrong-type",
                       to_path(pointer) + " must be a map with keyValue or kopiaSnapshot");
        return;
    }
    if (!problems.check(artifact, pointer, Kind::kMap)) return;
    problems.only(artifact, pointer, {"keyValue", "kopiaSnapshot"});
    problems.text_map(artifact["keyValue"], child(pointer, "keyValue"));
    problems.check(artifact["kopiaSnapshot"], child(pointer, "kopiaSnapshot"), Kind::kString);
}

void check_duration(const Value& value, const std::string& pointer, Problems& problems) {
    if (value.is_nil() || !problems.check(value, pointer, Kind::kString)) return;
    try {
        if (parse_duration(value.as_string()) >= std::chrono::nanoseconds{0}) return;
        problems.error(pointer, "invalid-duration", "'" + value.as_string() + "' is negative");
    } catch (const Error&) {
        problems.error(pointer, "invalid-duration", "'" + value.as_string() + "' is no duration",
                       "as in 90s or 1h30m");
    }
}

}  // namespace fencepost::model
