// The functions that Go's text/template has by itself.
#include <algorithm>
#include <bit>
#include <cmath>

#include "base/encodings.h"
#include "base/error.h"
#include "template/exec.h"
#include "template/function_entry.h"
#include "value/format.h"
#include "value/unicode.h"

namespace fencepost::tmpl {

std::string_view go_name(Param param) noexcept {
    switch (param) {
        case Param::kAny:
            return "interface {}";
        case Param::kReflect:
            return "reflect.Value";
        case Param::kString:
            return "string";
        case Param::kInt:
            return "int";
        case Param::kInt64:
            return "int64";
        case Param::kFloat64:
            return "float64";
        case Param::kBool:
            return "bool";
        case Param::kInt32:
            return "int32";
        case Param::kStrings:
            return "[]string";
        case Param::kList:
            return "[]interface {}";
        case Param::kMap:
            return "map[string]interface {}";
        case Param::kMapString:
            return "map[string]string";
        case Param::kUint32:
            return "uint32";
        case Param::kDuration:
            return "time.Duration";
        case Param::kTime:
            return "time.Time";
        case Param::kCertificate:
            return "sprig.certificate";
        case Param::kVersion:
            return "*semver.Version";
    }
    return "interface {}";
}

namespace {

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorKind::kInvalid, message); }

const Value kNil;
const Value& or_nil(const Value* value) { return value != nullptr ? *value : kNil; }

std::string type_of(const Value* value) { return std::string(go_type_name(or_nil(value))); }

// --- length, index, slice

std::int64_t length(const Value& value) {
    switch (value.kind()) {
        case Kind::kString:
            return static_cast<std::int64_t>(value.as_string().size());
        case Kind::kBytes:
            return static_cast<std::int64_t>(value.as_bytes().data.size());
        case Kind::kList:
            return static_cast<std::int64_t>(value.as_list().size());
        case Kind::kMap:
            return static_cast<std::int64_t>(value.as_map().size());
        case Kind::kNil:
            if (value.go_type() != nullptr && !value.go_type()->is_pointer) return 0;
            if (value.go_type() != nullptr) fail("len of nil pointer");
            break;
        default:
            break;
    }
    std::string_view type = go_type_name(value);
    if (type.starts_with('*')) type.remove_prefix(1);  // Go looks through the pointer
    fail("len of type " + std::string(type));
}

Value call_len(Arguments arguments) {
    if (arguments[0] == nullptr) fail("reflect: call of reflect.Value.Type on zero Value");
    if (arguments[0]->is_nil() && arguments[0]->go_type() == nullptr) fail("len of nil pointer");
    return Value(length(*arguments[0]), go::kInt);
}

// An index into something of that length (its capacity, for slices' ends).
std::int64_t index_of(const Value* index, std::int64_t limit) {
    std::int64_t at = 0;
    if (index != nullptr && (index->kind() == Kind::kInt || index->kind() == Kind::kUint)) {
        at = index->kind() == Kind::kInt ? index->as_int() : static_cast<std::int64_t>(index->as_uint());
    } else if (index == nullptr || (index->is_nil() && index->go_type() == nullptr)) {
        fail("cannot index slice/array with nil");
    } else {
        fail("cannot index slice/array with type " + type_of(index));
    }
    if (at < 0 || at > limit) fail("index out of range: " + std::to_string(at));
    return at;
}

Value element_zero(const GoType* map_type) {
    if (map_type == nullptr || map_type->element == nullptr) return {};
    switch (map_type->element->kind) {
        case Kind::kString:
            return Value("");
        case Kind::kInt:
            return Value(std::int64_t{0}, *map_type->element);
        case Kind::kBool:
            return Value(false);
        case Kind::kBytes:
            return Value(Bytes{});
        default:
            return Value::typed_nil(*map_type->element);
    }
}

Value index_once(const Value& item, const Value* index) {
    switch (item.kind()) {
        case Kind::kString: {
            const std::int64_t at = index_of(index, length(item));
            if (at == length(item)) fail("reflect: string index out of range");
            return Value(
                std::uint64_t{static_cast<unsigned char>(item.as_string()[static_cast<std::size_t>(at)])},
                go::kUint8);
        }
        case Kind::kBytes: {
            const std::int64_t at = index_of(index, length(item));
            if (at == length(item)) fail("reflect: slice index out of range");
            return Value(
                std::uint64_t{static_cast<unsigned char>(item.as_bytes().data[static_cast<std::size_t>(at)])},
                go::kUint8);
        }
        case Kind::kList: {
            const std::int64_t at = index_of(index, length(item));
            if (at == length(item)) fail("reflect: slice index out of range");
            return item.as_list()[static_cast<std::size_t>(at)];
        }
        case Kind::kMap:
            if (index == nullptr || (index->is_nil() && index->go_type() == nullptr))
                fail("value is nil; should be of type string");
            if (!index->is_string()) fail("value has type " + type_of(index) + "; should be string");
            if (const Value* member = item.as_map().find(index->as_string())) return *member;
            return element_zero(item.go_type());
        case Kind::kNil:
            if (item.go_type() != nullptr && item.go_type()->kind == Kind::kMap &&
                !item.go_type()->is_pointer)
                return element_zero(item.go_type());
            if (item.go_type() != nullptr && item.go_type()->kind == Kind::kList) (void)index_of(index, 0);
            if (item.go_type() != nullptr && item.go_type()->is_pointer) fail("index of nil pointer");
            fail("index of nil pointer");
        default:
            fail("can't index item of type " + std::string(go_type_name(item)));
    }
}

Value call_index(Arguments arguments) {
    if (arguments[0] == nullptr || (arguments[0]->is_nil() && arguments[0]->go_type() == nullptr))
        fail("index of untyped nil");
    Value item = *arguments[0];
    for (std::size_t i = 1; i < arguments.size(); ++i) item = index_once(item, arguments[i]);
    return item;
}

Value call_slice(Arguments arguments) {
    if (arguments[0] == nullptr || (arguments[0]->is_nil() && arguments[0]->go_type() == nullptr))
        fail("slice of untyped nil");
    const Value& item = *arguments[0];
    const std::size_t indexes = arguments.size() - 1;
    if (indexes > 3) fail("too many slice indexes: " + std::to_string(indexes));
    if (item.is_string() && indexes == 3) fail("cannot 3-index slice a string");
    if (!item.is_string() && !item.is_list() && item.kind() != Kind::kBytes)
        fail("can't slice item of type " + std::string(go_type_name(item)));
    const std::int64_t size = length(item);
    // A slice that JSON made has the capacity that appending gave it: the next power of two.
    const std::int64_t capacity =
        item.is_list() && size > 0
            ? static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(size)))
            : size;
    std::int64_t at[3] = {0, size, 0};
    for (std::size_t i = 0; i < indexes; ++i) at[i] = index_of(arguments[i + 1], capacity);
    if (at[0] > at[1]) fail("invalid slice index: " + std::to_string(at[0]) + " > " + std::to_string(at[1]));
    if (indexes == 3 && at[1] > at[2])
        fail("invalid slice index: " + std::to_string(at[1]) + " > " + std::to_string(at[2]));
    const auto begin = static_cast<std::size_t>(at[0]);
    const auto count = static_cast<std::size_t>(at[1] - at[0]);
    if (item.is_string()) return Value(item.as_string().substr(begin, count));
    if (item.kind() == Kind::kBytes) return Value(Bytes{item.as_bytes().data.substr(begin, count)});
    const List& list = item.as_list();
    List part(list.begin() + std::min(at[0], size), list.begin() + std::min(at[1], size));
    part.resize(count);
    return item.go_type() != nullptr ? Value(std::move(part), *item.go_type()) : Value(std::move(part));
}

// --- printing

List values_of(Arguments arguments, std::size_t first = 0) {
    List values;
    for (std::size_t i = first; i < arguments.size(); ++i) values.push_back(or_nil(arguments[i]));
    return values;
}

Value call_print(Arguments arguments) { return Value(go_sprint(values_of(arguments))); }
Value call_println(Arguments arguments) { return Value(go_sprintln(values_of(arguments))); }
Value call_printf(Arguments arguments) {
    return Value(go_sprintf(arguments[0]->as_string(), values_of(arguments, 1)));
}

// The text that the escaping functions work on: one string as it is, anything else printed.
std::string text_of(Arguments arguments) {
    if (arguments.size() == 1 && arguments[0] != nullptr && arguments[0]->is_string())
        return arguments[0]->as_string();
    List values = values_of(arguments);
    for (Value& value : values) {
        if (value.is_nil() && value.go_type() == nullptr) value = Value("<no value>");
    }
    return go_sprint(values);
}

Value call_html(Arguments arguments) {
    std::string out;
    for (const char c : text_of(arguments)) {
        switch (c) {
            case '\0':
                out += "\xEF\xBF\xBD";
                break;
            case '"':
                out += "&#34;";
                break;
            case '\'':
                out += "&#39;";
                break;
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            default:
                out += c;
        }
    }
    return Value(std::move(out));
}

Value call_js(Arguments arguments) {
    const std::string text = text_of(arguments);
    std::string out;
    const auto escape = [&](unsigned code) {
        char digits[12];
        std::snprintf(digits, sizeof digits, "\\u%04X", code);
        out += digits;
    };
    for (std::size_t at = 0; at < text.size();) {
        const Rune rune = decode_rune(text, at);
        const std::string_view sequence = std::string_view(text).substr(at, rune.length);
        at += rune.length;
        switch (rune.rune) {
            case '\\':
                out += "\\\\";
                break;
            case '\'':
                out += "\\'";
                break;
            case '"':
                out += "\\\"";
                break;
            case '<':
            case '>':
            case '&':
            case '=':
                escape(rune.rune);
                break;
            default:
                if (rune.rune < 0x20)
                    escape(rune.rune);
                else if (rune.rune < 0x80 || is_printable(rune.rune))
                    out += sequence;
                else
                    escape(rune.rune);
        }
    }
    return Value(std::move(out));
}

Value call_urlquery(Arguments arguments) {
    const std::string text = text_of(arguments);
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t space = text.find(' ', at);
        out += url_encode(
            std::string_view(text).substr(at, space == std::string::npos ? std::string::npos : space - at));
        if (space == std::string::npos) break;
        out += '+';
        at = space + 1;
    }
    return Value(std::move(out));
}

// --- comparison

enum class Basic { kInvalid, kBool, kComplex, kInt, kFloat, kString, kUint };

Basic basic_kind(const Value* value) {
    if (value == nullptr) return Basic::kInvalid;
    switch (value->kind()) {
        case Kind::kBool:
            return Basic::kBool;
        case Kind::kInt:
            return Basic::kInt;
        case Kind::kUint:
            return Basic::kUint;
        case Kind::kFloat:
            return Basic::kFloat;
        case Kind::kString:
            return Basic::kString;
        case Kind::kStruct:
            return value->go_type() == &go::kComplex128 ? Basic::kComplex : Basic::kInvalid;
        default:
            return Basic::kInvalid;
    }
}

bool is_nil(const Value* value) { return value == nullptr || value->is_nil(); }
bool is_invalid(const Value* value) {
    return value == nullptr || (value->is_nil() && value->go_type() == nullptr);
}

// Go's reflect kind, for "may these be compared at all".
int reflect_kind(const Value* value) {
    if (is_invalid(value)) return -1;
    if (value->is_nil()) return value->go_type()->is_pointer ? 100 : static_cast<int>(value->go_type()->kind);
    if (value->kind() == Kind::kStruct && value->go_type()->is_pointer) return 100;
    if (value->kind() == Kind::kBytes) return static_cast<int>(Kind::kList);
    if (value->kind() == Kind::kTime) return static_cast<int>(Kind::kStruct);
    return static_cast<int>(value->kind());
}

bool equal_basic(Basic kind, const Value& a, const Value& b) {
    switch (kind) {
        case Basic::kBool:
            return a.as_bool() == b.as_bool();
        case Basic::kInt:
            return a.as_int() == b.as_int();
        case Basic::kUint:
            return a.as_uint() == b.as_uint();
        case Basic::kFloat:
            return a.as_double() == b.as_double();
        case Basic::kComplex:
            return a == b;
        default:
            return a.as_string() == b.as_string();
    }
}

// fmt's %s, which is how Go prints the operands it cannot compare.
std::string as_s(const Value& value) { return go_sprintf("%s", List{value}); }

bool equal_other(const Value* a, const Value* b) {
    if (reflect_kind(a) != reflect_kind(b) && !is_invalid(a) && !is_invalid(b)) {
        fail("non-comparable types " + as_s(*a) + ": " + type_of(a) + ", " + type_of(b) + ": " +
             go_format_v(*b));
    }
    if (is_nil(a) || is_nil(b)) return is_nil(a) == is_nil(b);
    if (b->is_list() || b->is_map() || b->kind() == Kind::kBytes)
        fail("non-comparable type " + as_s(*b) + ": " + type_of(b));
    return *a == *b;
}

Value call_eq(Arguments arguments) {
    const Value* first = arguments[0];
    if (arguments.size() == 1) fail("missing argument for comparison");
    const Basic k1 = basic_kind(first);
    for (const Value* other : arguments.subspan(1)) {
        const Basic k2 = basic_kind(other);
        bool truth = false;
        if (k1 == k2) {
            truth = k1 == Basic::kInvalid ? equal_other(first, other) : equal_basic(k1, *first, *other);
        } else if (k1 == Basic::kInt && k2 == Basic::kUint) {
            truth = first->as_int() >= 0 && static_cast<std::uint64_t>(first->as_int()) == other->as_uint();
        } else if (k1 == Basic::kUint && k2 == Basic::kInt) {
            truth = other->as_int() >= 0 && first->as_uint() == static_cast<std::uint64_t>(other->as_int());
        } else if (!is_invalid(first) && !is_invalid(other)) {
            fail("incompatible types for comparison: " + type_of(first) + " and " + type_of(other));
        }
        if (truth) return Value(true);
    }
    return Value(false);
}

Value call_ne(Arguments arguments) { return Value(!call_eq(arguments).as_bool()); }

bool less(const Value* a, const Value* b) {
    const Basic k1 = basic_kind(a);
    const Basic k2 = basic_kind(b);
    if (k1 == Basic::kInvalid || k2 == Basic::kInvalid) fail("invalid type for comparison");
    if (k1 == Basic::kInt && k2 == Basic::kUint)
        return a->as_int() < 0 || static_cast<std::uint64_t>(a->as_int()) < b->as_uint();
    if (k1 == Basic::kUint && k2 == Basic::kInt)
        return b->as_int() >= 0 && a->as_uint() < static_cast<std::uint64_t>(b->as_int());
    if (k1 != k2) fail("incompatible types for comparison: " + type_of(a) + " and " + type_of(b));
    switch (k1) {
        case Basic::kInt:
            return a->as_int() < b->as_int();
        case Basic::kUint:
            return a->as_uint() < b->as_uint();
        case Basic::kFloat:
            return a->as_double() < b->as_double();
        case Basic::kString:
            return a->as_string() < b->as_string();
        default:
            fail("invalid type for comparison");
    }
}

bool less_or_equal(Arguments arguments) {
    return less(arguments[0], arguments[1]) || call_eq(arguments).as_bool();
}

Value call_not(Arguments arguments) { return Value(!is_true({arguments[0], false})); }

const FunctionEntry kBuiltins[] = {
    {.name = "and",
     .params = {Param::kReflect, Param::kReflect},
     .is_variadic = true,
     .call = call_not,
     .special = FunctionEntry::Special::kAnd},
    {.name = "call",
     .params = {Param::kReflect, Param::kReflect},
     .is_variadic = true,
     .call = call_not,
     .special = FunctionEntry::Special::kCall},
    {.name = "eq", .params = {Param::kReflect, Param::kReflect}, .is_variadic = true, .call = call_eq},
    {.name = "ge",
     .params = {Param::kReflect, Param::kReflect},
     .call = [](Arguments a) { return Value(!less(a[0], a[1])); }},
    {.name = "gt",
     .params = {Param::kReflect, Param::kReflect},
     .call = [](Arguments a) { return Value(!less_or_equal(a)); }},
    {.name = "html", .params = {Param::kAny}, .is_variadic = true, .call = call_html},
    {.name = "index",
     .params = {Param::kReflect, Param::kReflect},
     .is_variadic = true,
     .returns_any = true,
     .call = call_index},
    {.name = "js", .params = {Param::kAny}, .is_variadic = true, .call = call_js},
    {.name = "le",
     .params = {Param::kReflect, Param::kReflect},
     .call = [](Arguments a) { return Value(less_or_equal(a)); }},
    {.name = "len", .params = {Param::kReflect}, .call = call_len},
    {.name = "lt",
     .params = {Param::kReflect, Param::kReflect},
     .call = [](Arguments a) { return Value(less(a[0], a[1])); }},
    {.name = "ne", .params = {Param::kReflect, Param::kReflect}, .call = call_ne},
    {.name = "not", .params = {Param::kReflect}, .call = call_not},
    {.name = "or",
     .params = {Param::kReflect, Param::kReflect},
     .is_variadic = true,
     .call = call_not,
     .special = FunctionEntry::Special::kOr},
    {.name = "print", .params = {Param::kAny}, .is_variadic = true, .call = call_print},
    {.name = "printf", .params = {Param::kString, Param::kAny}, .is_variadic = true, .call = call_printf},
    {.name = "println", .params = {Param::kAny}, .is_variadic = true, .call = call_println},
    {.name = "slice", .params = {Param::kReflect, Param::kReflect}, .is_variadic = true, .call = call_slice},
    {.name = "urlquery", .params = {Param::kAny}, .is_variadic = true, .call = call_urlquery},
};

}  // namespace

const FunctionEntry* find_builtin(std::string_view name) noexcept {
    const auto* const end = std::end(kBuiltins);
    const auto* const found = std::lower_bound(
        std::begin(kBuiltins), end, name,
        [](const FunctionEntry& entry, std::string_view wanted) { return entry.name < wanted; });
    return found != end && found->name == name ? found : nullptr;
}

}  // namespace fencepost::tmpl
