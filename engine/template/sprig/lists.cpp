#include <algorithm>
#include <random>

#include "base/encodings.h"
#include "base/utf8.h"
#include "template/sprig/sprig.h"
#include "value/format.h"

namespace fencepost::tmpl::sprig {

namespace {

constexpr std::size_t kMaxItems = 1'000'000;

const std::string& str(const Value* value) { return value->as_string(); }

// The items of any slice; `what` is how sprig calls the function in its complaint.
List items_of(const Value& value, std::string_view what) {
    if (is_untyped_nil(value)) fail("runtime error: invalid memory address or nil pointer dereference");
    if (value.is_list()) return value.as_list();
    if (value.kind() == Kind::kBytes) {
        List items;
        for (const char c : value.as_bytes().data)
            items.emplace_back(std::uint64_t{static_cast<unsigned char>(c)}, go::kUint8);
        return items;
    }
    if (value.is_nil() && value.go_type() != nullptr && value.go_type()->kind == Kind::kList) return {};
    fail(std::string(what) + kind_name(value));
}

std::string cannot(std::string_view verb) { return "Cannot " + std::string(verb) + " on type "; }

std::vector<std::string> strslice(const Value& value) {
    if (is_untyped_nil(value)) return {};
    if (kind_name(value) != "slice") return {strval(value)};
    std::vector<std::string> texts;
    for (const Value& item : items_of(value, "")) {
        if (!is_untyped_nil(item)) texts.push_back(strval(item));
    }
    return texts;
}

Value strings_value(const std::vector<std::string>& texts) {
    List items;
    for (const std::string& text : texts) items.emplace_back(text);
    return Value(std::move(items), go::kStrings);
}

std::vector<std::string> split(std::string_view text, std::string_view separator, std::int64_t most) {
    std::vector<std::string> parts;
    if (most == 0) return parts;
    if (separator.empty()) {
        for (std::size_t at = 0; at < text.size();) {
            std::size_t length = decode_rune(text, at).length;
            if (most > 0 && static_cast<std::int64_t>(parts.size()) == most - 1) length = text.size() - at;
            parts.emplace_back(text.substr(at, length));
            at += length;
        }
        return parts;
    }
    for (std::size_t at = 0;;) {
        const std::size_t found = text.find(separator, at);
        if (found == std::string_view::npos ||
            (most > 0 && static_cast<std::int64_t>(parts.size()) == most - 1)) {
            parts.emplace_back(text.substr(at));
            return parts;
        }
        parts.emplace_back(text.substr(at, found - at));
        at = found + separator.size();
    }
}

// split and splitn give a map _0, _1, ...
Value split_map(const std::vector<std::string>& parts) {
    Map map;
    for (std::size_t i = 0; i < parts.size(); ++i) map.set("_" + std::to_string(i), parts[i]);
    return Value(std::move(map), go::kMapStringString);
}

Value join(Arguments a) {
    std::string out;
    bool first = true;
    for (const std::string& text : strslice(*a[1])) {
        if (!first) append(out, str(a[0]));
        first = false;
        append(out, text);
    }
    return Value(std::move(out));
}

Value sort_alpha(Arguments a) {
    if (kind_name(*a[0]) != "slice") return strings_value({strval(*a[0])});
    std::vector<std::string> texts = strslice(*a[0]);
    std::sort(texts.begin(), texts.end());
    return strings_value(texts);
}

Value push(Arguments a) {
    List items = items_of(*a[0], cannot("push"));
    items.push_back(*a[1]);
    return Value(std::move(items));
}

Value prepend(Arguments a) {
    List items = items_of(*a[0], cannot("prepend"));
    items.insert(items.begin(), *a[1]);
    return Value(std::move(items));
}

Value concat(Arguments a) {
    List all;
    for (const Value* list : a) {
        if (kind_name(*list) != "slice" && !is_untyped_nil(*list))
            fail("Cannot concat type " + kind_name(*list) + " as list");
        for (Value& item : items_of(*list, "")) all.push_back(std::move(item));
    }
    return all.empty() ? Value::typed_nil(go::kAnyList) : Value(std::move(all));
}

Value first(Arguments a) {
    const List items = items_of(*a[0], cannot("find first"));
    return items.empty() ? Value{} : items.front();
}

Value last(Arguments a) {
    const List items = items_of(*a[0], cannot("find last"));
    return items.empty() ? Value{} : items.back();
}

Value rest(Arguments a) {
    List items = items_of(*a[0], cannot("find rest"));
    if (items.empty()) return Value::typed_nil(go::kAnyList);
    items.erase(items.begin());
    return Value(std::move(items));
}

Value initial(Arguments a) {
    List items = items_of(*a[0], cannot("find initial"));
    if (items.empty()) return Value::typed_nil(go::kAnyList);
    items.pop_back();
    return Value(std::move(items));
}

Value reverse(Arguments a) {
    List items = items_of(*a[0], cannot("find reverse"));
    std::reverse(items.begin(), items.end());
    return Value(std::move(items));
}

Value compact(Arguments a) {
    List kept;
    for (Value& item : items_of(*a[0], cannot("compact"))) {
        if (!is_empty(item)) kept.push_back(std::move(item));
    }
    return Value(std::move(kept));
}

bool contains(const List& items, const Value& wanted) {
    return std::find(items.begin(), items.end(), wanted) != items.end();
}

Value uniq(Arguments a) {
    List kept;
    for (Value& item : items_of(*a[0], cannot("find uniq"))) {
        if (!contains(kept, item)) kept.push_back(std::move(item));
    }
    return Value(std::move(kept));
}

Value without(Arguments a) {
    List kept;
    for (Value& item : items_of(*a[0], cannot("find without"))) {
        const bool omitted =
            std::any_of(a.begin() + 1, a.end(), [&](const Value* omit) { return *omit == item; });
        if (!omitted) kept.push_back(std::move(item));
    }
    return Value(std::move(kept));
}

Value has(Arguments a) {
    if (is_untyped_nil(*a[1])) return Value(false);
    return Value(contains(items_of(*a[1], cannot("find has")), *a[0]));
}

Value slice(Arguments a) {
    const List items = items_of(*a[0], "list should be type of slice or array but ");
    if (items.empty()) return {};
    const auto size = static_cast<std::int64_t>(items.size());
    const auto index = [&](std::size_t i) { return i < a.size() ? to_int64(*a[i]) : 0; };
    const std::int64_t start = a.size() > 1 ? index(1) : 0;
    const std::int64_t end = a.size() > 2 ? index(2) : size;
    if (start < 0 || end < start || end > size) fail("reflect.Value.Slice: slice index out of bounds");
    if (a[0]->kind() == Kind::kBytes)
        return Value(Bytes{a[0]->as_bytes().data.substr(static_cast<std::size_t>(start),
                                                        static_cast<std::size_t>(end - start))});
    List part(items.begin() + start, items.begin() + end);
    return a[0]->go_type() != nullptr ? Value(std::move(part), *a[0]->go_type()) : Value(std::move(part));
}

Value until_step(std::int64_t start, std::int64_t stop, std::int64_t step) {
    List numbers;
    if ((stop < start) != (step < 0) && stop != start) return Value(std::move(numbers), go::kInts);
    if (step == 0) return Value(std::move(numbers), go::kInts);
    for (std::int64_t i = start; step > 0 ? i < stop : i > stop; i += step) {
        if (numbers.size() >= kMaxItems) fail("until: more than " + std::to_string(kMaxItems) + " numbers");
        numbers.emplace_back(i, go::kInt);
    }
    return Value(std::move(numbers), go::kInts);
}

Value shuffle(Arguments a) {
    std::string text = str(a[0]);
    const std::string seed = random_bytes(8);
    std::seed_seq sequence(seed.begin(), seed.end());
    std::mt19937_64 engine(sequence);
    std::shuffle(text.begin(), text.end(), engine);
    return Value(std::move(text));
}

constexpr Param S = Param::kString;
constexpr Param I = Param::kInt;
constexpr Param A = Param::kAny;

Value list(Arguments a) {
    List items;
    for (const Value* value : a) items.push_back(*value);
    return Value(std::move(items));
}

const FunctionEntry kTable[] = {
    {.name = "append", .params = {A, A}, .call = push},
    {.name = "compact", .params = {A}, .call = compact},
    {.name = "concat", .params = {A}, .is_variadic = true, .returns_any = true, .call = concat},
    {.name = "first", .params = {A}, .returns_any = true, .call = first},
    {.name = "has", .params = {A, A}, .call = has},
    {.name = "initial", .params = {A}, .call = initial},
    {.name = "join", .params = {S, A}, .call = join},
    {.name = "last", .params = {A}, .returns_any = true, .call = last},
    {.name = "list", .params = {A}, .is_variadic = true, .call = list},
    {.name = "prepend", .params = {A, A}, .call = prepend},
    {.name = "push", .params = {A, A}, .call = push},
    {.name = "rest", .params = {A}, .call = rest},
    {.name = "reverse", .params = {A}, .call = reverse},
    {.name = "shuffle", .params = {S}, .call = shuffle},
    {.name = "slice", .params = {A, A}, .is_variadic = true, .returns_any = true, .call = slice},
    {.name = "sortAlpha", .params = {A}, .call = sort_alpha},
    {.name = "split",
     .params = {S, S},
     .call = [](Arguments a) { return split_map(split(str(a[1]), str(a[0]), -1)); }},
    {.name = "splitList",
     .params = {S, S},
     .call = [](Arguments a) { return strings_value(split(str(a[1]), str(a[0]), -1)); }},
    {.name = "splitn",
     .params = {S, I, S},
     .call = [](Arguments a) { return split_map(split(str(a[2]), str(a[0]), a[1]->as_int())); }},
    {.name = "toStrings", .params = {A}, .call = [](Arguments a) { return strings_value(strslice(*a[0])); }},
    {.name = "tuple", .params = {A}, .is_variadic = true, .call = list},
    {.name = "uniq", .params = {A}, .call = uniq},
    {.name = "until",
     .params = {I},
     .call = [](Arguments a) { return until_step(0, a[0]->as_int(), a[0]->as_int() < 0 ? -1 : 1); }},
    {.name = "untilStep",
     .params = {I, I, I},
     .call = [](Arguments a) { return until_step(a[0]->as_int(), a[1]->as_int(), a[2]->as_int()); }},
    {.name = "without", .params = {A, A}, .is_variadic = true, .call = without},
};

}  // namespace

Table lists() { return kTable; }

}  // namespace fencepost::tmpl::sprig
