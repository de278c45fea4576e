#include "value/value.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "value/go_type.h"

namespace fencepost {

std::string_view to_string(Kind kind) noexcept {
    switch (kind) {
        case Kind::kNil:
            return "nil";
        case Kind::kBool:
            return "bool";
        case Kind::kInt:
            return "int64";
        case Kind::kUint:
            return "uint64";
        case Kind::kFloat:
            return "float64";
        case Kind::kString:
            return "string";
        case Kind::kBytes:
            return "bytes";
        case Kind::kTime:
            return "time";
        case Kind::kList:
            return "list";
        case Kind::kMap:
            return "map";
        case Kind::kStruct:
            return "struct";
    }
    return "nil";
}

namespace {

const Value kNilValue;
const List kEmptyList;
const Map kEmptyMap;

[[noreturn]] void wrong_kind(std::string_view expected, Kind kind) {
    throw Error(ErrorKind::kInvalid,
                "expected " + std::string(expected) + ", got " + std::string(to_string(kind)));
}

auto lower_bound_of(auto& members, std::string_view key) {
    return std::lower_bound(
        members.begin(), members.end(), key,
        [](const Member& member, std::string_view wanted) { return member.key < wanted; });
}

}  // namespace

Value::Value(List value)
    : data_(detail::Shared<List>(new detail::Counted<List>(nullptr, std::move(value)))) {}
Value::Value(Map value) : data_(detail::Shared<Map>(new detail::Counted<Map>(nullptr, std::move(value)))) {}
Value::Value(List value, const GoType& type)
    : data_(detail::Shared<List>(new detail::Counted<List>(&type, std::move(value)))) {}
Value::Value(Map value, const GoType& type)
    : data_(detail::Shared<Map>(new detail::Counted<Map>(&type, std::move(value)))) {}

Value Value::of_struct(const GoType& type, Fields fields) {
    Value value;
    value.data_ = detail::Shared<Fields>(new detail::Counted<Fields>(&type, std::move(fields)));
    return value;
}

Value Value::typed_nil(const GoType& type) noexcept {
    Value value;
    value.type_ = &type;
    return value;
}

const GoType* Value::go_type() const noexcept {
    if (const auto* list = std::get_if<detail::Shared<List>>(&data_)) return list->type();
    if (const auto* map = std::get_if<detail::Shared<Map>>(&data_)) return map->type();
    if (const auto* fields = std::get_if<detail::Shared<Fields>>(&data_)) return fields->type();
    return type_;
}

bool Value::as_bool() const {
    if (const bool* value = std::get_if<bool>(&data_)) return *value;
    wrong_kind("bool", kind());
}

std::int64_t Value::as_int() const {
    if (const auto* value = std::get_if<std::int64_t>(&data_)) return *value;
    if (const auto* value = std::get_if<std::uint64_t>(&data_); value != nullptr && *value <= INT64_MAX) {
        return static_cast<std::int64_t>(*value);
    }
    if (const auto* value = std::get_if<double>(&data_);
        value != nullptr && std::trunc(*value) == *value && std::fabs(*value) < 9.2e18) {
        return static_cast<std::int64_t>(*value);
    }
    wrong_kind("a whole number", kind());
}

std::uint64_t Value::as_uint() const {
    if (const auto* value = std::get_if<std::uint64_t>(&data_)) return *value;
    wrong_kind("uint64", kind());
}

double Value::as_double() const {
    if (const auto* value = std::get_if<double>(&data_)) return *value;
    if (const auto* value = std::get_if<std::int64_t>(&data_)) return static_cast<double>(*value);
    if (const auto* value = std::get_if<std::uint64_t>(&data_)) return static_cast<double>(*value);
    wrong_kind("a number", kind());
}

const std::string& Value::as_string() const {
    if (const auto* value = std::get_if<std::string>(&data_)) return *value;
    wrong_kind("string", kind());
}

const Bytes& Value::as_bytes() const {
    if (const auto* value = std::get_if<Bytes>(&data_)) return *value;
    wrong_kind("bytes", kind());
}

const Time& Value::as_time() const {
    if (const auto* value = std::get_if<Time>(&data_)) return *value;
    wrong_kind("time", kind());
}

const List& Value::as_list() const {
    if (const auto* value = std::get_if<detail::Shared<List>>(&data_)) return **value;
    wrong_kind("list", kind());
}

const Map& Value::as_map() const {
    if (const auto* value = std::get_if<detail::Shared<Map>>(&data_)) return **value;
    wrong_kind("map", kind());
}

const Fields& Value::as_fields() const {
    if (const auto* value = std::get_if<detail::Shared<Fields>>(&data_)) return **value;
    wrong_kind("struct", kind());
}

std::string Value::string_or(std::string_view fallback) const {
    const auto* value = std::get_if<std::string>(&data_);
    return value != nullptr ? *value : std::string(fallback);
}

std::int64_t Value::int_or(std::int64_t fallback) const noexcept {
    const auto* value = std::get_if<std::int64_t>(&data_);
    return value != nullptr ? *value : fallback;
}

bool Value::bool_or(bool fallback) const noexcept {
    const auto* value = std::get_if<bool>(&data_);
    return value != nullptr ? *value : fallback;
}

const List& Value::list_or_empty() const noexcept {
    const auto* value = std::get_if<detail::Shared<List>>(&data_);
    return value != nullptr ? **value : kEmptyList;
}

const Map& Value::map_or_empty() const noexcept {
    const auto* value = std::get_if<detail::Shared<Map>>(&data_);
    return value != nullptr ? **value : kEmptyMap;
}

const Value& Value::operator[](std::string_view key) const noexcept {
    const Value* member = find(key);
    return member != nullptr ? *member : kNilValue;
}

const Value* Value::find(std::string_view key) const noexcept {
    const auto* map = std::get_if<detail::Shared<Map>>(&data_);
    return map != nullptr ? (*map)->find(key) : nullptr;
}

Value& Value::operator[](std::string_view key) { return writable_map()[key]; }

Map& Value::writable_map() {
    if (is_nil()) *this = Value(Map{});
    if (auto* map = std::get_if<detail::Shared<Map>>(&data_)) return map->writable();
    wrong_kind("map", kind());
}

List& Value::writable_list() {
    if (is_nil()) *this = Value(List{});
    if (auto* list = std::get_if<detail::Shared<List>>(&data_)) return list->writable();
    wrong_kind("list", kind());
}

Map& Value::shared_map() const {
    if (const auto* map = std::get_if<detail::Shared<Map>>(&data_)) return map->shared();
    wrong_kind("map", kind());
}

Value Value::deep_copy() const {
    Value copy = *this;
    if (auto* list = std::get_if<detail::Shared<List>>(&copy.data_)) {
        for (Value& item : list->unshared()) item = item.deep_copy();
    } else if (auto* map = std::get_if<detail::Shared<Map>>(&copy.data_)) {
        for (Member& member : map->unshared()) member.value = member.value.deep_copy();
    } else if (auto* fields = std::get_if<detail::Shared<Fields>>(&copy.data_)) {
        for (Value& value : fields->unshared().values) value = value.deep_copy();
    }
    return copy;
}

void Value::push_back(Value item) { writable_list().push_back(std::move(item)); }

bool Value::erase(std::string_view key) { return find(key) != nullptr && writable_map().erase(key); }

bool operator==(const Value& a, const Value& b) noexcept {
    if (a.data_.index() != b.data_.index() || a.go_type() != b.go_type()) return false;
    switch (a.kind()) {
        case Kind::kNil:
            return true;
        case Kind::kBool:
            return std::get<bool>(a.data_) == std::get<bool>(b.data_);
        case Kind::kInt:
            return std::get<std::int64_t>(a.data_) == std::get<std::int64_t>(b.data_);
        case Kind::kUint:
            return std::get<std::uint64_t>(a.data_) == std::get<std::uint64_t>(b.data_);
        case Kind::kFloat:
            return std::get<double>(a.data_) == std::get<double>(b.data_);
        case Kind::kString:
            return std::get<std::string>(a.data_) == std::get<std::string>(b.data_);
        case Kind::kBytes:
            return std::get<Bytes>(a.data_) == std::get<Bytes>(b.data_);
        case Kind::kTime:
            return std::get<Time>(a.data_) == std::get<Time>(b.data_);
        case Kind::kList:
            return a.as_list() == b.as_list();
        case Kind::kMap:
            return a.as_map() == b.as_map();
        case Kind::kStruct:
            return a.as_fields() == b.as_fields();
    }
    return false;
}

Map::Map(std::initializer_list<Member> members) {
    members_.reserve(members.size());
    for (const Member& member : members) set(member.key, member.value);
}

const Value* Map::find(std::string_view key) const noexcept {
    const auto at = lower_bound_of(members_, key);
    return at != members_.end() && at->key == key ? &at->value : nullptr;
}

Value* Map::find(std::string_view key) noexcept {
    const auto at = lower_bound_of(members_, key);
    return at != members_.end() && at->key == key ? &at->value : nullptr;
}

Value& Map::operator[](std::string_view key) {
    const auto at = lower_bound_of(members_, key);
    if (at != members_.end() && at->key == key) return at->value;
    return members_.insert(at, Member{std::string(key), Value{}})->value;
}

void Map::set(std::string_view key, Value value) { (*this)[key] = std::move(value); }

bool Map::erase(std::string_view key) {
    const auto at = lower_bound_of(members_, key);
    if (at == members_.end() || at->key != key) return false;
    members_.erase(at);
    return true;
}

}  // namespace fencepost
