#include "template/json_lines.h"

#include <array>

#include "base/encodings.h"
#include "base/error.h"
#include "template/template.h"
#include "value/go_time.h"
#include "value/go_type.h"
#include "value/json.h"

namespace fencepost::tmpl {
namespace {

constexpr std::string_view kRfc3339 = "2006-01-02T15:04:05Z07:00";
const GoType kIntPointer{.name = "*int", .kind = Kind::kInt, .is_pointer = true};

Value int_of(const Value& json) { return Value(json.as_int(), go::kInt); }

Value list_of(const Value& json, const GoType& type, Value (*item)(const Value&)) {
    if (json.is_nil()) return Value::typed_nil(type);
    List items;
    for (const Value& member : json.as_list()) items.push_back(item(member));
    return Value(std::move(items), type);
}

Value map_of(const Value& json, const GoType& type, Value (*item)(const Value&)) {
    if (json.is_nil()) return Value::typed_nil(type);
    Map members;
    for (const Member& member : json.as_map()) members.set(member.key, item(member.value));
    return Value(std::move(members), type);
}

Value string_of(const Value& json) { return Value(json.as_string()); }
Value bool_of(const Value& json) { return Value(json.as_bool()); }

struct Tag {
    std::string_view name;
    Value (*make)(const Value& json);
};

constexpr std::array<Tag, 11> kTags{{
    {"$bytes", [](const Value& json) { return Value(Bytes{base64_decode(json.as_string())}); }},
    {"$float", [](const Value& json) { return Value(json.as_double()); }},
    {"$int", int_of},
    {"$ints", [](const Value& json) { return list_of(json, go::kInts, int_of); }},
    {"$mapsb", [](const Value& json) { return map_of(json, go::kMapStringBool, bool_of); }},
    {"$mapsi", [](const Value& json) { return map_of(json, go::kMapStringInt, int_of); }},
    {"$mapss", [](const Value& json) { return map_of(json, go::kMapStringString, string_of); }},
    {"$strings", [](const Value& json) { return list_of(json, go::kStrings, string_of); }},
    {"$time", [](const Value& json) { return Value(parse_time(kRfc3339, json.as_string())); }},
    {"$typednil", [](const Value&) { return Value::typed_nil(kIntPointer); }},
    {"$uint",
     [](const Value& json) {
         return Value(json.kind() == Kind::kUint ? json.as_uint() : static_cast<std::uint64_t>(json.as_int()),
                      go::kUint);
     }},
}};

MissingKey missing_key_of(const std::string& name) {
    if (name == "error") return MissingKey::kError;
    if (name == "zero") return MissingKey::kZero;
    if (name == "default" || name == "invalid" || name.empty()) return MissingKey::kDefault;
    throw Error(ErrorKind::kInvalid, "missingkey '" + name + "' is none of default, error, zero and invalid");
}

FunctionSet functions_of(const std::string& name) {
    if (name == "kanister") return FunctionSet::kKanister;
    if (name == "none" || name.empty()) return FunctionSet::kBuiltins;
    throw Error(ErrorKind::kInvalid, "funcs '" + name + "' is none of kanister and none");
}

std::string answer(std::string_view line, std::string_view& stage) {
    stage = "request";
    const Value request = parse_json(line);
    RenderOptions options;
    options.missing_key = missing_key_of(request["missingkey"].string_or(""));
    const FunctionSet functions = functions_of(request["funcs"].string_or(""));
    const std::string& text = request["template"].as_string();
    const Value data = decode_tagged(request["data"]);
    stage = "parse";
    const auto parsed = Template::parse("config", text, functions);
    if (request["parse_only"].bool_or(false)) return parsed->to_text();
    stage = "exec";
    return parsed->render(data, options);
}

}  // namespace

Value decode_tagged(const Value& json) {
    if (json.is_list()) {
        List items;
        for (const Value& item : json.as_list()) items.push_back(decode_tagged(item));
        return Value(std::move(items));
    }
    if (!json.is_map()) return json;
    const Map& map = json.as_map();
    if (map.size() == 1) {
        for (const Tag& tag : kTags) {
            if (tag.name == map.begin()->key) return tag.make(map.begin()->value);
        }
    }
    Map members;
    for (const Member& member : map) members.set(member.key, decode_tagged(member.value));
    return Value(std::move(members));
}

std::string answer_line(std::string_view line) {
    std::string_view stage;
    Map reply;
    try {
        const std::string output = answer(line, stage);
        reply.set("ok", true);
        reply.set("output", output);
    } catch (const Error& e) {
        reply.set("ok", false);
        reply.set("stage", stage);
        reply.set("error", e.message());
    }
    return to_json(Value(std::move(reply)));
}

}  // namespace fencepost::tmpl
