#include "model/problem.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace fencepost::model {
namespace {

std::string name_of(Kind kind) {
    switch (kind) {
        case Kind::kInt:
        case Kind::kUint:
        case Kind::kFloat:
            return "number";
        case Kind::kNil:
            return "null";
        default:
            return std::string(to_string(kind));
    }
}

bool is_index(std::string_view token) {
    return !token.empty() && token.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string to_path(std::string_view pointer) {
    std::string path;
    while (!pointer.empty()) {
        pointer.remove_prefix(1);
        const std::string_view token = pointer.substr(0, pointer.find('/'));
        pointer.remove_prefix(token.size());
        if (is_index(token)) {
            path.append("[").append(token).append("]");
            continue;
        }
        if (!path.empty()) path += '.';
        for (std::size_t i = 0; i < token.size(); ++i) {
            const bool is_escape = token[i] == '~' && i + 1 < token.size();
            if (is_escape) ++i;
            path += !is_escape ? token[i] : token[i] == '1' ? '/' : '~';
        }
    }
    return path;
}

std::string to_text(const Problem& problem) {
    std::string text = to_path(problem.pointer);
    if (!text.empty()) text += ": ";
    text += problem.message;
    if (!problem.hint.empty()) text += "; " + problem.hint;
    return text + " [" + problem.rule + "]";
}

bool has_errors(const std::vector<Problem>& problems) noexcept {
    return std::any_of(problems.begin(), problems.end(),
                       [](const Problem& one) { return one.severity == Severity::kError; });
}

std::string child(std::string_view pointer, std::string_view key) {
    std::string result(pointer);
    result += '/';
    for (const char c : key) {
        if (c == '~') {
            result += "~0";
        } else if (c == '/') {
            result += "~1";
        } else {
            result += c;
        }
    }
    return result;
}

std::string child(std::string_view pointer, std::size_t index) {
    return std::string(pointer) + "/" + std::to_string(index);
}

void Problems::error(std::string pointer, std::string rule, std::string message, std::string hint) {
    add({.severity = Severity::kError,
         .pointer = std::move(pointer),
         .rule = std::move(rule),
         .message = std::move(message),
         .hint = std::move(hint)});
}

void Problems::warning(std::string pointer, std::string rule, std::string message, std::string hint) {
    add({.severity = Severity::kWarning,
         .pointer = std::move(pointer),
         .rule = std::move(rule),
         .message = std::move(message),
         .hint = std::move(hint)});
}

void Problems::at_key(Severity severity, std::string pointer, std::string rule, std::string message,
                      std::string hint) {
    add({.severity = severity,
         .pointer = std::move(pointer),
         .part = SourceMap::Part::kKey,
         .rule = std::move(rule),
         .message = std::move(message),
         .hint = std::move(hint)});
}

bool Problems::check(const Value& value, const std::string& pointer, Kind kind) {
    if (value.is_nil() || value.kind() == kind) return true;
    std::string hint;
    if (kind == Kind::kString && (value.is_number() || value.is_bool())) hint = "put it in quotes";
    const std::string path = to_path(pointer);
    error(pointer, "wrong-type",
          (path.empty() ? "the document" : path) + " must be a " + name_of(kind) + ", not a " +
              name_of(value.kind()),
          hint);
    return false;
}

bool Problems::require_text(const Value& value, const std::string& pointer, std::string_view what) {
    if (!check(value, pointer, Kind::kString)) return false;
    if (!value.string_or("").empty()) return true;
    error(pointer, "missing-field", std::string(what) + " is missing");
    return false;
}

void Problems::only(const Value& map, const std::string& pointer,
                    std::initializer_list<std::string_view> known) {
    const std::vector<std::string> names(known.begin(), known.end());
    for (const auto& [key, value] : map.map_or_empty()) {
        if (std::find(names.begin(), names.end(), key) != names.end()) continue;
        const std::string near = nearest(key, names);
        const std::string where = pointer.empty() ? "" : " in " + to_path(pointer);
        at_key(near.empty() ? Severity::kWarning : Severity::kError, child(pointer, key), "unknown-field",
               "unknown field '" + key + "'" + where,
               near.empty() ? "nothing reads it" : "did you mean '" + near + "'?");
        if (!near.empty() && map.find(near) == nullptr) fix_last(key, near);
    }
}

void Problems::texts(const Value& list, const std::string& pointer) {
    if (!check(list, pointer, Kind::kList)) return;
    std::size_t index = 0;
    for (const Value& item : list.list_or_empty()) {
        const std::string place = child(pointer, index++);
        if (item.is_nil()) {
            error(place, "wrong-type", to_path(place) + " must be a string, not a null");
        } else {
            check(item, place, Kind::kString);
        }
    }
}

void Problems::text_map(const Value& map, const std::string& pointer) {
    if (!check(map, pointer, Kind::kMap)) return;
    for (const auto& [key, value] : map.map_or_empty()) check(value, child(pointer, key), Kind::kString);
}

void Problems::throw_errors(std::string_view what) const {
    std::string errors;
    for (const Problem& problem : all_) {
        if (problem.severity == Severity::kError) errors += (errors.empty() ? "" : "\n") + to_text(problem);
    }
    if (!errors.empty()) throw Error(ErrorKind::kInvalid, std::string(what) + ": " + errors);
}

}  // namespace fencepost::model
