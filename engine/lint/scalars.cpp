// YAML itself: what its plain words and numbers turn into, and what stops it from being read.
#include <algorithm>

#include "base/error.h"
#include "lint/rule_set.h"
#include "value/json.h"
#include "value/yaml_scalar.h"

namespace fencepost::lint {
namespace {

using model::child;
using model::Severity;

using Lines = std::vector<std::string_view>;

std::string_view line_at(const Lines& lines, int line) {
    return line < 1 || static_cast<std::size_t>(line) > lines.size()
               ? std::string_view()
               : lines[static_cast<std::size_t>(line) - 1];
}

// The plain word that begins at a mark: what a bool or a number can be made of.
std::string_view plain_word(const Lines& lines, const SourceMap::Mark& mark) {
    if (mark.style != SourceMap::Style::kPlain || mark.line < 1 || mark.column < 1) return {};
    std::string_view rest = line_at(lines, mark.line);
    rest.remove_prefix(std::min(rest.size(), static_cast<std::size_t>(mark.column) - 1));
    const std::size_t end =
        rest.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.+-");
    return rest.substr(0, end);
}

bool is_yaml_12_bool(std::string_view word) {
    return word == "true" || word == "false" || word == "True" || word == "False" || word == "TRUE" ||
           word == "FALSE";
}

class PlainScalars {
  public:
    explicit PlainScalars(Document& document) : document_(document) {}

    void walk(const Value& value, const std::string& pointer) {
        std::size_t index = 0;
        for (const Value& item : value.list_or_empty()) walk(item, child(pointer, index++));
        for (const auto& [key_text, member] : value.map_or_empty()) {
            key(key_text, child(pointer, key_text));
            walk(member, child(pointer, key_text));
        }
        if (value.is_bool() || value.is_number()) scalar(value, pointer);
    }

  private:
    void key(const std::string& key, const std::string& pointer) {
        if (key != "true" && key != "false") return;
        const std::string word(
            plain_word(*document_.lines, document_.yaml->source.at(pointer, SourceMap::Part::kKey)));
        if (word.empty() || is_yaml_12_bool(word) || !resolve_yaml_scalar(word).is_bool()) return;
        document_.problems.at_key(Severity::kWarning, pointer, "yaml-bool",
                                  "the key " + word + " is read as " + key, "put it in quotes");
    }

    void scalar(const Value& value, const std::string& pointer) {
        const std::string word(plain_word(*document_.lines, document_.yaml->source.at(pointer)));
        if (word.empty() || resolve_yaml_scalar(word) != value) return;
        const std::string meaning = to_json(value);
        if (value.is_bool()) {
            if (is_yaml_12_bool(word)) return;
            document_.problems.warning(pointer, "yaml-bool", word + " is read as " + meaning,
                                       "write " + meaning + ", or put it in quotes if the word is meant");
            document_.problems.fix_last(word, meaning);
        } else if (word != meaning && !word.starts_with("0x")) {
            document_.problems.warning(pointer, "yaml-number", word + " is read as " + meaning,
                                       "put it in quotes if the digits are meant");
        }
    }

    Document& document_;
};

// `  key: {{ ... }}` and `- {{ ... }}`: to YAML the braces are maps.
std::optional<std::size_t> unquoted_template(std::string_view line) {
    constexpr std::size_t kLongest = 1'000;
    const std::size_t braces = line.find("{{");
    if (braces == std::string_view::npos || braces == 0 || line.size() > kLongest) return std::nullopt;
    if (line.find("}}", braces) == std::string_view::npos) return std::nullopt;
    const std::string_view before = line.substr(0, braces);
    const std::size_t last = before.find_last_not_of(' ');
    if (last == std::string_view::npos || last + 1 == braces) return std::nullopt;
    return before[last] == ':' || before[last] == '-' ? std::optional(braces) : std::nullopt;
}

std::string quoted(std::string_view text) {
    if (text.find('"') == std::string_view::npos && text.find('\\') == std::string_view::npos)
        return "\"" + std::string(text) + "\"";
    std::string result = "'";
    for (const char c : text) result += c == '\'' ? std::string("''") : std::string(1, c);
    return result + "'";
}

std::string_view key_of(std::string_view line) {
    const std::size_t start = line.find_first_not_of(' ');
    const std::size_t colon = line.find(':');
    if (start == std::string_view::npos || colon == std::string_view::npos || colon < start) return {};
    return line.substr(start, colon - start);
}

// Is the key of this line set before, in the same map?
bool is_duplicate_key(const Lines& lines, int line) {
    const std::string_view here = line_at(lines, line);
    const std::string_view key = key_of(here);
    if (key.empty()) return false;
    const std::size_t indent = here.find_first_not_of(' ');
    for (int above = line - 1; above > 0; --above) {
        const std::string_view other = line_at(lines, above);
        const std::size_t start = other.find_first_not_of(' ');
        if (start == std::string_view::npos || start > indent) continue;
        if (start < indent) return false;
        if (key_of(other) == key) return true;
    }
    return false;
}

}  // namespace

void check_plain_scalars(Document& document) { PlainScalars(document).walk(document.object(), ""); }

model::Diagnostic yaml_problem(const Error& error, const Lines& lines, std::string_view file) {
    model::Diagnostic problem{.severity = Severity::kError,
                              .position = error.position().value_or(Position{.file = std::string(file)}),
                              .rule = "yaml",
                              .message = error.message(),
                              .hint = error.hint()};
    if (error.kind() != ErrorKind::kInvalid) return problem;
    // The parser may stumble a line below the braces.
    for (int line = problem.position.line; line > 0 && line >= problem.position.line - 1; --line) {
        const std::string_view source = line_at(lines, line);
        const auto braces = unquoted_template(source);
        if (!braces) continue;
        std::string_view value = source.substr(*braces);
        value = value.substr(0, value.find_last_not_of(" \t") + 1);
        problem.position.line = line;
        problem.position.column = static_cast<int>(*braces) + 1;
        problem.rule = "unquoted-template";
        problem.message = "to YAML {{ begins a map";
        problem.hint = "put the value in quotes: " + quoted(value);
        problem.fix = model::Fix{std::string(value), quoted(value)};
        return problem;
    }
    if (is_duplicate_key(lines, problem.position.line)) problem.rule = "duplicate-key";
    return problem;
}

}  // namespace fencepost::lint
