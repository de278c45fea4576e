#include <algorithm>
#include <utility>
#include <cctype>

#include "template/sprig/sprig.h"
#include "value/format.h"
#include "value/unicode.h"

namespace fencepost::tmpl::sprig {

namespace {

const std::string& str(const Value* value) { return value->as_string(); }
std::int64_t num(const Value* value) { return value->as_int(); }

template <typename Change>
std::string map_runes(std::string_view text, Change change) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const Rune rune = decode_rune(text, at);
        at += rune.length;
        change(out, rune.rune);
    }
    return out;
}

std::vector<unsigned> runes(std::string_view text) {
    std::vector<unsigned> all;
    for (std::size_t at = 0; at < text.size();) {
        const Rune rune = decode_rune(text, at);
        at += rune.length;
        all.push_back(rune.rune);
    }
    return all;
}

std::string upper(std::string_view text) {
    return map_runes(text, [](std::string& out, unsigned r) { append_rune(out, to_upper(r)); });
}
std::string lower(std::string_view text) {
    return map_runes(text, [](std::string& out, unsigned r) { append_rune(out, to_lower(r)); });
}

bool is_separator(unsigned r) {
    if (r < 0x80) return !(std::isalnum(static_cast<int>(r)) != 0 || r == '_');
    if (is_letter(r) || is_digit(r)) return false;
    return is_unicode_space(r);
}

// The first letter behind each separator.
std::string by_word(std::string_view text, bool (*separates)(unsigned), unsigned (*change)(unsigned)) {
    unsigned previous = ' ';
    return map_runes(text, [&](std::string& out, unsigned r) {
        append_rune(out, separates(previous) ? change(r) : r);
        previous = r;
    });
}

template <typename IsCut>
std::string_view trim(std::string_view text, IsCut is_cut) {
    while (!text.empty()) {
        const Rune rune = decode_rune(text, 0);
        if (!is_cut(rune.rune)) break;
        text.remove_prefix(rune.length);
    }
    while (!text.empty()) {
        const Rune rune = decode_last_rune(text);
        if (!is_cut(rune.rune)) break;
        text.remove_suffix(rune.length);
    }
    return text;
}

std::string_view trim_space(std::string_view text) { return trim(text, is_unicode_space); }

std::string_view trim_set(std::string_view text, std::string_view set) {
    const std::vector<unsigned> cut = runes(set);
    return trim(text, [&](unsigned r) { return std::find(cut.begin(), cut.end(), r) != cut.end(); });
}

std::string replace_all(std::string_view text, std::string_view from, std::string_view to) {
    std::string out;
    if (from.empty()) {
        for (std::size_t at = 0;;) {
            append(out, to);
            if (at >= text.size()) return out;
            const std::size_t length = decode_rune(text, at).length;
            append(out, text.substr(at, length));
            at += length;
        }
    }
    for (std::size_t at = 0;;) {
        const std::size_t found = text.find(from, at);
        append(out, text.substr(at, found == std::string_view::npos ? std::string_view::npos : found - at));
        if (found == std::string_view::npos) return out;
        append(out, to);
        at = found + from.size();
    }
}

std::string swap_case(std::string_view text) {
    return map_runes(text, [](std::string& out, unsigned r) {
        if (is_upper(r) || is_title(r))
            append_rune(out, to_lower(r));
        else if (is_lower(r))
            append_rune(out, to_upper(r));
        else
            append_rune(out, r);
    });
}

// The words of camel, snake or kebab case, joined by a connector in lower case. A run of capitals is a word,
// but for its last one where a small letter follows; a number begins a word.
std::string connected(std::string_view text, char connector_letter) {
    const std::vector<unsigned> all = runes(text);
    const auto connector = static_cast<unsigned char>(connector_letter);
    const auto is_gap = [](unsigned r) { return r == '_' || r == ' ' || r == '-'; };
    std::string out;
    const auto put = [&](unsigned r) { append_rune(out, r); };
    unsigned current = connector;
    for (std::size_t at = 0; at < all.size();) {
        const unsigned previous = current;
        current = all[at++];
        if (current == kReplacementRune) {
            put(current);
        } else if (is_upper(current)) {
            if (previous != connector && !is_number(previous)) put(connector);
            put(to_lower(current));
            if (at == all.size()) break;
            current = all[at++];
            if (!is_upper(current)) {
                put(current);
                continue;
            }
            while (at < all.size()) {
                const unsigned capital = to_lower(current);
                current = all[at++];
                if (is_upper(current)) {
                    put(capital);
                    continue;
                }
                const bool begins_word =
                    current != kReplacementRune && !is_gap(current) && !is_number(current);
                if (begins_word) put(connector);
                put(capital);
                if (is_gap(current)) {
                    current = connector;
                    break;
                }
                if (is_number(current)) put(connector);
                put(current);
                break;
            }
            if (at == all.size() || current == connector) put(to_lower(current));
        } else if (is_number(current)) {
            if (previous != connector && !is_number(previous)) put(connector);
            put(current);
        } else {
            if (is_gap(current)) current = connector;
            put(current);
        }
    }
    return out;
}

// Underscores alone part words; those in front stay. A word of one letter is lost, as in xstrings 1.2.
std::string camel_case(std::string_view text) {
    const std::vector<unsigned> all = runes(text);
    const auto first = std::find_if(all.begin(), all.end(), [](unsigned r) { return r != '_'; });
    std::string out(static_cast<std::size_t>(first - all.begin()), '_');
    if (first == all.end() || first + 1 == all.end()) return out;
    unsigned current = to_upper(*first);
    for (auto it = first + 1; it != all.end(); ++it) {
        const unsigned previous = current;
        current = *it;
        if (previous == '_' && current == '_') {
            out += '_';
            continue;
        }
        current = previous == '_' ? to_upper(current) : to_lower(current);
        if (previous != '_') append_rune(out, previous);
    }
    append_rune(out, current);
    return out;
}

// goutils takes each byte for a character: so does what nospace and initials do to text beyond ASCII.
std::string initials(std::string_view text) {
    std::string out;
    bool first = true;
    for (const char c : text) {
        const unsigned r = static_cast<unsigned char>(c);
        if (is_unicode_space(r)) {
            first = true;
        } else if (first) {
            append_rune(out, r);
            first = false;
        }
    }
    return out;
}

// goutils' abbreviation, in bytes: what does not fit ends in "...".
std::string abbreviate(const std::string& text, std::int64_t left, std::int64_t width) {
    const auto size = static_cast<std::int64_t>(text.size());
    if (size <= width) return text;
    if (left > size) left = size;
    if (size - left < width - 3) left = size - (width - 3);
    const auto part = [&](std::int64_t begin, std::int64_t end) {
        return text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    };
    if (left <= 4) return part(0, width - 3) + "...";
    if (left + (width - 3) < size) return "..." + abbreviate(part(left, size), 0, width - 3);
    return "..." + part(size - (width - 3), size);
}

Value abbrev(Arguments a) {
    const std::int64_t width = num(a[0]);
    return width < 4 ? *a[1] : Value(abbreviate(str(a[1]), 0, width));
}

Value abbrev_both(Arguments a) {
    const std::int64_t left = num(a[0]);
    const std::int64_t right = num(a[1]);
    if (right < 4 || (left > 0 && right < 7)) return *a[2];
    return Value(abbreviate(str(a[2]), left, right));
}

Value trunc(Arguments a) {
    const std::string& text = str(a[1]);
    const std::int64_t count = num(a[0]);
    const auto size = static_cast<std::int64_t>(text.size());
    if (count < 0) fail("runtime error: slice bounds out of range [:" + std::to_string(count) + "]");
    if (size > count) return Value(text.substr(0, static_cast<std::size_t>(count)));
    return *a[1];
}

// Go's text[from:to], with what it says where that is out of bounds.
Value sliced(const std::string& text, std::int64_t from, std::int64_t to) {
    const auto size = static_cast<std::int64_t>(text.size());
    const auto number = [](std::int64_t value) { return std::to_string(value); };
    const std::string what = "runtime error: slice bounds out of range [";
    if (to < 0) fail(what + ":" + number(to) + "]");
    if (to > size) fail(what + ":" + number(to) + "] with length " + number(size));
    if (from > to) fail(what + number(from) + ":" + (to == size ? number(size) : number(to)) + "]");
    return Value(text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)));
}

Value substr(Arguments a) {
    const std::string& text = str(a[2]);
    const std::int64_t start = num(a[0]);
    const std::int64_t end = num(a[1]);
    if (start < 0) return sliced(text, 0, end);
    const auto size = static_cast<std::int64_t>(text.size());
    return sliced(text, start, end < 0 || end > size ? size : end);
}

Value repeat(Arguments a) {
    const std::int64_t count = num(a[0]);
    const std::string& text = str(a[1]);
    if (count < 0) fail("strings: negative Repeat count");
    std::string out;
    for (std::int64_t i = 0; i < count && !text.empty(); ++i) append(out, text);
    return Value(std::move(out));
}

std::string indented(std::int64_t spaces, const std::string& text) {
    if (spaces < 0) fail("strings: negative Repeat count");
    const std::string pad(std::min(static_cast<std::size_t>(spaces), kMaxTextBytes + 1), ' ');
    std::string out;
    append(out, pad);
    append(out, replace_all(text, "\n", "\n" + pad));
    return out;
}

// goutils' word wrap: lines of at most `width` bytes broken at spaces; long words are cut where asked to.
std::string wrap_text(const std::string& text, std::int64_t width, const std::string& newline,
                      bool cut_long) {
    if (text.empty()) return "";
    if (newline.empty()) return wrap_text(text, width, "\n", cut_long);
    if (width < 1) width = 1;
    const auto size = static_cast<std::int64_t>(text.size());
    std::string out;
    std::int64_t offset = 0;
    const auto part = [&](std::int64_t begin, std::int64_t end) {
        return text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    };
    while (size - offset > width) {
        if (text[static_cast<std::size_t>(offset)] == ' ') {
            ++offset;
            continue;
        }
        const std::size_t limit = static_cast<std::size_t>(width + offset);
        const std::size_t space = text.rfind(' ', limit);
        if (space != std::string::npos && static_cast<std::int64_t>(space) >= offset) {
            append(out, part(offset, static_cast<std::int64_t>(space)) + newline);
            offset = static_cast<std::int64_t>(space) + 1;
        } else if (cut_long) {
            append(out, part(offset, offset + width) + newline);
            offset += width;
        } else {
            const std::size_t next = text.find(' ', limit);
            if (next == std::string::npos) break;
            append(out, part(offset, static_cast<std::int64_t>(next)) + newline);
            offset = static_cast<std::int64_t>(next) + 1;
        }
    }
    return out + part(offset, size);
}

Value cat(Arguments a) {
    std::string out;
    bool is_first = true;
    for (const Value* value : a) {
        if (is_untyped_nil(*value)) continue;
        if (!std::exchange(is_first, false)) out += ' ';
        out += go_format_v(*value);
    }
    return Value(std::move(out));
}

Value quote(Arguments a) {
    std::string out;
    for (const Value* value : a) {
        if (is_untyped_nil(*value)) continue;
        if (!out.empty()) out += ' ';
        out += go_quote(strval(*value));
    }
    return Value(std::move(out));
}

Value squote(Arguments a) {
    std::string out;
    for (const Value* value : a) {
        if (is_untyped_nil(*value)) continue;
        if (!out.empty()) out += ' ';
        out += "'" + go_format_v(*value) + "'";
    }
    return Value(std::move(out));
}

std::string nospace(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const unsigned r = static_cast<unsigned char>(c);
        if (!is_unicode_space(r)) append_rune(out, r);
    }
    // Without a space goutils gives the text as it is.
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return is_unicode_space(static_cast<unsigned char>(c)); })
               ? std::string(text)
               : out;
}

constexpr Param S = Param::kString;
constexpr Param I = Param::kInt;
constexpr Param A = Param::kAny;

const FunctionEntry kTable[] = {
    {.name = "abbrev", .params = {I, S}, .call = abbrev},
    {.name = "abbrevboth", .params = {I, I, S}, .call = abbrev_both},
    {.name = "camelcase", .params = {S}, .call = [](Arguments a) { return Value(camel_case(str(a[0]))); }},
    {.name = "cat", .params = {A}, .is_variadic = true, .call = cat},
    {.name = "contains",
     .params = {S, S},
     .call = [](Arguments a) { return Value(str(a[1]).find(str(a[0])) != std::string::npos); }},
    {.name = "hasPrefix",
     .params = {S, S},
     .call = [](Arguments a) { return Value(str(a[1]).starts_with(str(a[0]))); }},
    {.name = "hasSuffix",
     .params = {S, S},
     .call = [](Arguments a) { return Value(str(a[1]).ends_with(str(a[0]))); }},
    {.name = "hello", .params = {}, .call = [](Arguments) { return Value("Hello!"); }},
    {.name = "indent",
     .params = {I, S},
     .call = [](Arguments a) { return Value(indented(num(a[0]), str(a[1]))); }},
    {.name = "initials", .params = {S}, .call = [](Arguments a) { return Value(initials(str(a[0]))); }},
    {.name = "kebabcase",
     .params = {S},
     .call = [](Arguments a) { return Value(connected(str(a[0]), '-')); }},
    {.name = "lower", .params = {S}, .call = [](Arguments a) { return Value(lower(str(a[0]))); }},
    {.name = "nindent",
     .params = {I, S},
     .call = [](Arguments a) { return Value("\n" + indented(num(a[0]), str(a[1]))); }},
    {.name = "nospace", .params = {S}, .call = [](Arguments a) { return Value(nospace(str(a[0]))); }},
    {.name = "plural",
     .params = {S, S, I},
     .call = [](Arguments a) { return num(a[2]) == 1 ? *a[0] : *a[1]; }},
    {.name = "quote", .params = {A}, .is_variadic = true, .call = quote},
    {.name = "repeat", .params = {I, S}, .call = repeat},
    {.name = "replace",
     .params = {S, S, S},
     .call = [](Arguments a) { return Value(replace_all(str(a[2]), str(a[0]), str(a[1]))); }},
    {.name = "snakecase",
     .params = {S},
     .call = [](Arguments a) { return Value(connected(str(a[0]), '_')); }},
    {.name = "squote", .params = {A}, .is_variadic = true, .call = squote},
    {.name = "substr", .params = {I, I, S}, .call = substr},
    {.name = "swapcase", .params = {S}, .call = [](Arguments a) { return Value(swap_case(str(a[0]))); }},
    {.name = "title",
     .params = {S},
     .call = [](Arguments a) { return Value(by_word(str(a[0]), is_separator, to_title)); }},
    {.name = "toString", .params = {A}, .call = [](Arguments a) { return Value(strval(*a[0])); }},
    {.name = "trim", .params = {S}, .call = [](Arguments a) { return Value(trim_space(str(a[0]))); }},
    {.name = "trimAll",
     .params = {S, S},
     .call = [](Arguments a) { return Value(trim_set(str(a[1]), str(a[0]))); }},
    {.name = "trimall",
     .params = {S, S},
     .call = [](Arguments a) { return Value(trim_set(str(a[1]), str(a[0]))); }},
    {.name = "trimPrefix",
     .params = {S, S},
     .call =
         [](Arguments a) {
             return str(a[1]).starts_with(str(a[0])) ? Value(str(a[1]).substr(str(a[0]).size())) : *a[1];
         }},
    {.name = "trimSuffix",
     .params = {S, S},
     .call =
         [](Arguments a) {
             const std::string& text = str(a[1]);
             return text.ends_with(str(a[0])) ? Value(text.substr(0, text.size() - str(a[0]).size())) : *a[1];
         }},
    {.name = "trunc", .params = {I, S}, .call = trunc},
    {.name = "untitle",
     .params = {S},
     .call = [](Arguments a) { return Value(by_word(str(a[0]), is_unicode_space, to_lower)); }},
    {.name = "upper", .params = {S}, .call = [](Arguments a) { return Value(upper(str(a[0]))); }},
    {.name = "wrap",
     .params = {I, S},
     .call = [](Arguments a) { return Value(wrap_text(str(a[1]), num(a[0]), "\n", false)); }},
    {.name = "wrapWith",
     .params = {I, S, S},
     .call = [](Arguments a) { return Value(wrap_text(str(a[2]), num(a[0]), str(a[1]), true)); }},
};

}  // namespace

Table strings() { return kTable; }

}  // namespace fencepost::tmpl::sprig
