#include "run/args.h"

#include <charconv>
#include <cmath>
#include <iterator>
#include <sstream>

#include "base/error.h"
#include "value/format.h"
#include "value/json.h"

namespace fencepost::run {
namespace {

Error wrong(std::string_view name, std::string_view expected, const Value& value) {
    return {ErrorKind::kInvalid, "argument '" + std::string(name) + "': expected " + std::string(expected) +
                                     ", got " + std::string(to_string(value.kind())) +
                                     (value.is_string() ? " \"" + value.as_string() + "\"" : "")};
}

const Value& member(const Value& args, std::string_view name) { return args[name]; }

// A scalar as text, as weak decoding writes it.
std::string weak_string(const Value& value, std::string_view name) {
    switch (value.kind()) {
        case Kind::kNil:
            return {};
        case Kind::kString:
            return value.as_string();
        case Kind::kBytes:
            return value.as_bytes().data;
        case Kind::kBool:
            return value.as_bool() ? "1" : "0";
        case Kind::kInt:
        case Kind::kUint:
        case Kind::kFloat:
            return to_json(value);
        default:
            throw wrong(name, "a string", value);
    }
}

}  // namespace

bool has_arg(const Value& args, std::string_view name) noexcept {
    const Value* found = args.find(name);
    return found != nullptr && !found->is_nil();
}

std::string string_arg(const Value& args, std::string_view name, std::string_view fallback) {
    return has_arg(args, name) ? weak_string(member(args, name), name) : std::string(fallback);
}

std::vector<std::string> strings_arg(const Value& args, std::string_view name) {
    std::vector<std::string> result;
    const Value& value = member(args, name);
    if (value.is_nil()) return result;
    if (!value.is_list()) return {weak_string(value, name)};
    for (const Value& item : value.as_list()) result.push_back(weak_string(item, name));
    return result;
}

std::vector<std::string> words_arg(const Value& args, std::string_view name) {
    std::istringstream stream(string_arg(args, name));
    return {std::istream_iterator<std::string>(stream), {}};
}

std::int64_t int_arg(const Value& args, std::string_view name, std::int64_t fallback) {
    if (!has_arg(args, name)) return fallback;
    const Value& value = member(args, name);
    if (value.is_bool()) return value.as_bool() ? 1 : 0;
    if (value.kind() == Kind::kFloat) return static_cast<std::int64_t>(value.as_double());
    if (value.is_number()) return value.as_int();
    if (!value.is_string()) throw wrong(name, "a whole number", value);
    const std::string& text = value.as_string();
    if (text.empty()) return 0;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) throw wrong(name, "a whole number", value);
    return number;
}

bool bool_arg(const Value& args, std::string_view name, bool fallback) {
    if (!has_arg(args, name)) return fallback;
    const Value& value = member(args, name);
    if (value.is_bool()) return value.as_bool();
    if (value.is_number()) return value.as_double() != 0;
    if (value.is_string()) {
        const std::string& text = value.as_string();
        // What Go's strconv.ParseBool takes, and the empty text.
        for (const char* yes : {"1", "t", "T", "TRUE", "true", "True"}) {
            if (text == yes) return true;
        }
        for (const char* no : {"", "0", "f", "F", "FALSE", "false", "False"}) {
            if (text == no) return false;
        }
    }
    throw wrong(name, "true or false", value);
}

std::map<std::string, std::string> string_map_arg(const Value& args, std::string_view name) {
    std::map<std::string, std::string> result;
    const Value& value = member(args, name);
    if (value.is_nil()) return result;
    if (!value.is_map()) throw wrong(name, "a map", value);
    for (const auto& [key, item] : value.as_map())
        result[key] = weak_string(item, std::string(name) + "." + key);
    return result;
}

}  // namespace fencepost::run
