// Regular expressions are Go's syntax, which RE2 shares but for \C and (?<name>re).
#include <re2/re2.h>

#include <charconv>
#include <memory>

#include "base/error.h"
#include "base/utf8.h"
#include "template/sprig/sprig.h"
#include "value/format.h"

namespace fencepost::tmpl::sprig {

namespace {

const std::string& str(const Value* value) { return value->as_string(); }

// What Go calls a mistake in a pattern.
std::string go_words(const re2::RE2& pattern, const std::string& part) {
    const std::string where = ": `" + part + "`";
    switch (pattern.error_code()) {
        case re2::RE2::ErrorBadEscape:
            return "invalid escape sequence" + where;
        case re2::RE2::ErrorBadCharClass:
            return "invalid character class" + where;
        case re2::RE2::ErrorBadCharRange:
            return "invalid character class range" + where;
        case re2::RE2::ErrorMissingBracket:
            return "missing closing ]" + where;
        case re2::RE2::ErrorMissingParen:
            return "missing closing )" + where;
        case re2::RE2::ErrorUnexpectedParen:
            return "unexpected )" + where;
        case re2::RE2::ErrorTrailingBackslash:
            return "trailing backslash at end of expression: ``";
        case re2::RE2::ErrorRepeatArgument:
            return "missing argument to repetition operator" + where;
        case re2::RE2::ErrorRepeatSize:
            return "invalid repeat count" + where;
        case re2::RE2::ErrorRepeatOp:
            return "invalid nested repetition operator" + where;
        case re2::RE2::ErrorBadPerlOp:
            return "invalid or unsupported Perl syntax" + where;
        case re2::RE2::ErrorBadNamedCapture:
            return "invalid named capture" + where;
        case re2::RE2::ErrorPatternTooLarge:
            return "expression too large";
        default:
            return pattern.error();
    }
}

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
    fail("regexp: Compile(" + (go_can_backquote(text) ? "`" + text + "`" : go_quote(text)) +
         "): error parsing regexp: " + why);
}

// Go's pattern as RE2 writes it: (?<name>re) is (?P<name>re), and \C is none of Go's. `added` is where a P
// was put in.
std::string translated(const std::string& text, std::vector<std::size_t>& added) {
    std::string out;
    bool in_class = false;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '\\' && at + 1 < text.size()) {
            if (text[at + 1] == 'Q') {  // literal up to \E
                const std::size_t end = std::min(text.find("\\E", at), text.size());
                out += text.substr(at, end - at);
                at = end - 1;
                continue;
            }
            if (text[at + 1] == 'C') refuse(text, "invalid escape sequence: `\\C`");
            out += c;
            out += text[++at];
            continue;
        }
        if (c == '[') in_class = true;
        if (c == ']') in_class = false;
        out += c;
        if (!in_class && text.compare(at, 3, "(?<") == 0) {
            out += '?';
            added.push_back(out.size());
            out += 'P';
            ++at;
        }
    }
    return out;
}

// sprig's regex functions panic on a bad pattern.
std::unique_ptr<re2::RE2> compile(const std::string& text) {
    std::vector<std::size_t> added;
    auto pattern = std::make_unique<re2::RE2>(translated(text, added), re2::RE2::Quiet);
    if (pattern->ok()) return pattern;
    if (pattern->error_code() == re2::RE2::ErrorBadUTF8) refuse(text, "invalid UTF-8: `" + text + "`");
    // The part that is wrong, as its author wrote it.
    std::string part = pattern->error_arg();
    if (const std::size_t begin = pattern->pattern().find(part); begin != std::string::npos) {
        for (auto at = added.rbegin(); at != added.rend(); ++at) {
            if (*at >= begin && *at < begin + part.size()) part.erase(*at - begin, 1);
        }
    }
    refuse(text, go_words(*pattern, part));
}

// Visits every match that does not overlap, as Go's FindAll does: an empty match right after a match is
// skipped.
template <typename Visit>
void each_match(const re2::RE2& pattern, re2::StringPiece text, Visit visit) {
    const int groups = pattern.NumberOfCapturingGroups() + 1;
    std::vector<re2::StringPiece> found(static_cast<std::size_t>(groups));
    std::size_t at = 0;
    std::size_t previous_end = std::string::npos;
    while (at <= text.size() &&
           pattern.Match(text, at, text.size(), re2::RE2::UNANCHORED, found.data(), groups)) {
        const auto begin = static_cast<std::size_t>(found[0].data() - text.data());
        const std::size_t end = begin + found[0].size();
        if (!(found[0].empty() && begin == previous_end) && !visit(found, begin, end)) return;
        previous_end = end;
        if (found[0].empty()) {
            at = end + (end < text.size() ? decode_rune({text.data(), text.size()}, end).length : 1);
        } else {
            at = end;
        }
    }
}

// Go's template syntax in replacements: $1, ${name}, $$.
void expand(std::string& out, const std::string& replacement, const re2::RE2& pattern,
            const std::vector<re2::StringPiece>& groups) {
    const auto group = [&](const std::string& name) {
        std::size_t index = 0;
        const auto read = std::from_chars(name.data(), name.data() + name.size(), index);
        if (read.ptr != name.data() + name.size()) {
            const auto& named = pattern.NamedCapturingGroups();
            const auto found = named.find(name);
            if (found == named.end()) return;
            index = static_cast<std::size_t>(found->second);
        }
        if (index < groups.size())
            out.append(groups[index].data() == nullptr ? "" : groups[index].data(), groups[index].size());
    };
    for (std::size_t i = 0; i < replacement.size(); ++i) {
        if (replacement[i] != '$' || i + 1 >= replacement.size()) {
            out += replacement[i];
            continue;
        }
        if (replacement[i + 1] == '$') {
            out += '$';
            ++i;
            continue;
        }
        const bool braces = replacement[i + 1] == '{';
        std::size_t end = i + 1 + (braces ? 1U : 0U);
        const std::size_t begin = end;
        while (end < replacement.size() &&
               (std::isalnum(static_cast<unsigned char>(replacement[end])) != 0 || replacement[end] == '_'))
            ++end;
        if (end == begin || (braces && (end >= replacement.size() || replacement[end] != '}'))) {
            out += '$';
            continue;
        }
        group(replacement.substr(begin, end - begin));
        i = braces ? end : end - 1;
    }
}

Value replace(Arguments a, bool literal) {
    const auto pattern = compile(str(a[0]));
    const std::string& text = str(a[1]);
    std::string out;
    std::size_t copied = 0;
    each_match(*pattern, text, [&](const auto& groups, std::size_t begin, std::size_t end) {
        out.append(text, copied, begin - copied);
        if (literal)
            append(out, str(a[2]));
        else
            expand(out, str(a[2]), *pattern, groups);
        append(out, {});
        copied = end;
        return true;
    });
    return Value(out.append(text, copied));
}

Value match(Arguments a) {
    try {
        return Value(re2::RE2::PartialMatch(str(a[1]), *compile(str(a[0]))));
    } catch (const Error&) {
        return Value(false);  // sprig drops the mistake
    }
}

Value find(Arguments a) {
    const auto pattern = compile(str(a[0]));
    std::string found;
    each_match(*pattern, str(a[1]), [&](const auto& groups, std::size_t, std::size_t) {
        found = std::string(groups[0]);
        return false;
    });
    return Value(std::move(found));
}

Value find_all(Arguments a) {
    const auto pattern = compile(str(a[0]));
    const std::int64_t most = a[2]->as_int();
    List found;
    if (most != 0) {
        each_match(*pattern, str(a[1]), [&](const auto& groups, std::size_t, std::size_t) {
            found.emplace_back(std::string(groups[0]));
            return most < 0 || static_cast<std::int64_t>(found.size()) < most;
        });
    }
    return found.empty() ? Value::typed_nil(go::kStrings) : Value(std::move(found), go::kStrings);
}

Value split(Arguments a) {
    const auto pattern = compile(str(a[0]));
    const std::string& text = str(a[1]);
    const std::int64_t most = a[2]->as_int();
    if (most == 0) return Value::typed_nil(go::kStrings);
    List parts;
    if (!str(a[0]).empty() && text.empty()) return Value(List{""}, go::kStrings);
    std::size_t begin = 0;
    std::size_t end = 0;
    each_match(*pattern, text, [&](const auto&, std::size_t from, std::size_t to) {
        if (most > 0 && static_cast<std::int64_t>(parts.size()) == most - 1) return false;
        end = from;
        if (to != 0) parts.emplace_back(text.substr(begin, end - begin));
        begin = to;
        return true;
    });
    if (end != text.size()) parts.emplace_back(text.substr(begin));
    return Value(std::move(parts), go::kStrings);
}

constexpr Param S = Param::kString;
constexpr Param I = Param::kInt;

const FunctionEntry kTable[] = {
    {.name = "regexFind", .params = {S, S}, .call = find},
    {.name = "regexFindAll", .params = {S, S, I}, .call = find_all},
    {.name = "regexMatch", .params = {S, S}, .call = match},
    {.name = "regexReplaceAll", .params = {S, S, S}, .call = [](Arguments a) { return replace(a, false); }},
    {.name = "regexReplaceAllLiteral",
     .params = {S, S, S},
     .call = [](Arguments a) { return replace(a, true); }},
    {.name = "regexSplit", .params = {S, S, I}, .call = split},
};

}  // namespace

Table patterns() { return kTable; }

}  // namespace fencepost::tmpl::sprig
