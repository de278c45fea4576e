#include "model/template_error.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/place.h"
#include "template/sprig/sprig.h"

namespace fencepost::model {
namespace {

constexpr std::string_view kPrefix = "template: line:";
constexpr std::size_t kMaxTries = 64;     // actions on one line that are tried one by one
constexpr std::size_t kMaxProblems = 32;  // of one template

struct LineAndMessage {
    int line = 1;
    std::string message;
};

// "template: line:3: unexpected EOF"
LineAndMessage split(const std::string& text) {
    LineAndMessage located{.message = text};
    if (!text.starts_with(kPrefix)) return located;
    std::size_t at = kPrefix.size();
    int line = 0;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') line = line * 10 + (text[at++] - '0');
    if (line == 0 || text.compare(at, 2, ": ") != 0) return located;
    return {line, text.substr(at + 2)};
}

std::size_t start_of_line(std::string_view text, int line) {
    std::size_t start = 0;
    for (int i = 1; i < line; ++i) {
        const std::size_t end = text.find('\n', start);
        if (end == std::string_view::npos) break;
        start = end + 1;
    }
    return start;
}

bool fails_otherwise_than_by_its_end(std::string_view beginning) {
    try {
        (void)tmpl::parse_trees(kTemplateName, beginning, tmpl::FunctionSet::kKanister);
        return false;
    } catch (const Error& error) {
        return split(error.message()).message != "unexpected EOF";
    }
}

// The block that no {{end}} closes: the innermost that is open at the end.
std::size_t open_block(std::string_view text) {
    std::vector<std::size_t> open;
    for (std::size_t at = text.find("{{"); at != std::string_view::npos; at = text.find("{{", at + 2)) {
        std::size_t word = text.find_first_not_of(" \t\n-", at + 2);
        word = std::min(word, text.size());
        const std::string_view rest = text.substr(word);
        const auto is = [&](std::string_view keyword) {
            return rest.starts_with(keyword) &&
                   (rest.size() == keyword.size() ||
                    std::string_view(" \t\n}-").find(rest[keyword.size()]) != std::string_view::npos);
        };
        if (is("if") || is("range") || is("with") || is("define") || is("block")) open.push_back(at);
        if (is("end") && !open.empty()) open.pop_back();
    }
    return open.empty() ? std::min(text.rfind("{{"), text.size()) : open.back();
}

// The "{{" of the action that the parser stumbles over.
std::size_t failing_action(std::string_view text, int line) {
    const std::size_t from = start_of_line(text, line);
    std::size_t close = text.find("}}", from);
    for (std::size_t tries = 0; close != std::string_view::npos && tries < kMaxTries; ++tries) {
        if (fails_otherwise_than_by_its_end(text.substr(0, close + 2))) return text.rfind("{{", close);
        close = text.find("}}", close + 2);
    }
    // Nothing closes it.
    const std::size_t end = std::min(text.find('\n', from), text.size());
    const std::size_t start = text.rfind("{{", end);
    return start == std::string_view::npos ? from : start;
}

// function "x" not defined -> x
std::string undefined_function(std::string_view message) {
    constexpr std::string_view kStart = "function \"";
    constexpr std::string_view kEnd = "\" not defined";
    if (!message.starts_with(kStart) || !message.ends_with(kEnd)) return {};
    return std::string(message.substr(kStart.size(), message.size() - kStart.size() - kEnd.size()));
}

const std::vector<std::string>& function_names() {
    static const std::vector<std::string> kNames = [] {
        std::vector<std::string> names{"and",    "or",      "not",  "eq",    "ne",      "lt",   "le",
                                       "gt",     "ge",      "len",  "index", "slice",   "call", "print",
                                       "printf", "println", "html", "js",    "urlquery"};
        namespace sprig = tmpl::sprig;
        for (const sprig::Table table :
             {sprig::strings(), sprig::lists(), sprig::dicts(), sprig::encodings(), sprig::numbers(),
              sprig::dates(), sprig::defaults(), sprig::paths(), sprig::patterns(), sprig::reflection()}) {
            for (const auto& entry : table) names.emplace_back(entry.name);
        }
        return names;
    }();
    return kNames;
}

std::string hint_for(std::string_view message) {
    if (const std::string name = undefined_function(message); !name.empty()) {
        const std::string near = nearest(name, function_names());
        return near.empty() ? "Kanister has Go's functions and sprig 2.22's" : "did you mean '" + near + "'?";
    }
    if (message.find("U+002D '-'") != std::string_view::npos)
        return "a name with '-' needs index: {{ index .Phases \"my-phase\" }}";
    return {};
}

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The name where it is called: not a part of another word, a field or a variable.
std::size_t find_call(const std::string& text, const std::string& name, std::size_t from) {
    for (std::size_t at = text.find(name, from); at != std::string::npos; at = text.find(name, at + 1)) {
        const char before = at == 0 ? ' ' : text[at - 1];
        const char after = at + name.size() < text.size() ? text[at + name.size()] : ' ';
        if (!is_word(before) && before != '.' && before != '$' && before != '"' && !is_word(after)) return at;
    }
    return std::min(from, text.size());
}

struct Located {
    std::size_t offset = 0;
    std::string message;
};

Located locate(const std::string& text, const Error& error) {
    const auto [line, message] = split(error.message());
    if (message == "unexpected EOF") return {open_block(text), "this has no {{end}}"};
    const std::size_t action = failing_action(text, line);
    const std::string name = undefined_function(message);
    return {name.empty() ? action : find_call(text, name, action), message};
}

Problem problem_of(const std::string& text, const std::string& pointer, const Located& located) {
    return {.severity = Severity::kError,
            .pointer = pointer,
            .rule = "template",
            .message = "template: " + located.message,
            .hint = hint_for(located.message),
            .spot = spot_at(text, located.offset)};
}

}  // namespace

std::optional<tmpl::Trees> parse_template(const std::string& text, const std::string& pointer,
                                          Problems& problems) {
    std::string rest = text;
    for (std::size_t found = 0; found < kMaxProblems; ++found) {
        try {
            tmpl::Trees trees = tmpl::parse_trees(kTemplateName, rest, tmpl::FunctionSet::kKanister);
            if (found == 0) return trees;
            return std::nullopt;
        } catch (const Error& error) {
            const Located located = locate(rest, error);
            problems.add(problem_of(text, pointer, located));
            // "or" stands anywhere a function can, with any arguments; blanks keep all places where they are.
            const std::string name = undefined_function(located.message);
            if (name.size() < 2 || rest.compare(located.offset, name.size(), name) != 0) return std::nullopt;
            rest.replace(located.offset, name.size(), "or" + std::string(name.size() - 2, ' '));
        }
    }
    return std::nullopt;
}

}  // namespace fencepost::model
