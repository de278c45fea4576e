#include "value/json_path.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <variant>

#include "base/error.h"
#include "value/format.h"
#include "value/json.h"

namespace fencepost {

namespace {

struct Name {
    std::string name;
};
struct All {};
struct Range {  // [from:to:step]; one item is [n:n+1] but for [-1], so it has a flag of its own
    std::optional<std::int64_t> from, to;
    std::int64_t step = 1;
    bool is_one = false;
};
struct Filter;
using Selector = std::variant<Name, All, Range, std::shared_ptr<const Filter>>;
using Steps = std::vector<JsonPath::Step>;

}  // namespace

// From each value to those that any of the selectors takes; `descends`: of it and all that is below it.
struct JsonPath::Step {
    bool descends = false;
    std::vector<Selector> selectors;
};

// Text, an expression, or a range with its body.
struct JsonPathTemplate::Node {
    std::string text;
    std::optional<JsonPath> path;
    std::shared_ptr<const std::vector<Node>> body;  // of a range
};

namespace {

enum class Compare { kIsThere, kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };

struct Operand {
    Steps path;
    std::optional<Value> literal;
};

struct Filter {
    Operand left, right;
    Compare compare = Compare::kIsThere;
};

// --- reading

constexpr std::string_view kNameEnds = " \t\r\n.,[]$@{}()=!<>";

class Reader {
  public:
    explicit Reader(std::string_view text, int depth = 0) : text_(text), depth_(depth) {
        if (text.size() > kMaxJsonPathBytes)
            throw Error(ErrorKind::kTooLarge, "a JSONPath has more than 64 KiB");
        if (depth > kMaxJsonPathDepth) fail("it is too deep");
    }

    Steps path() {
        Steps steps;
        skip_blanks();
        if (peek() == '$' || peek() == '@') ++at_;
        if (trim(text_.substr(at_)) == ".") return steps;  // the value itself
        for (skip_blanks(); at_ < text_.size(); skip_blanks()) steps.push_back(step(steps.empty()));
        return steps;
    }

  private:
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    void skip_blanks() {
        while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
            ++at_;
    }
    [[noreturn]] void fail(std::string_view why) const {
        throw Error(ErrorKind::kInvalid, "JSONPath '" + std::string(text_) + "': " + std::string(why));
    }

    JsonPath::Step step(bool is_first) {
        JsonPath::Step step;
        if (text_.substr(at_).starts_with("..")) {
            step.descends = true;
            at_ += 2;
        } else if (peek() == '.') {
            ++at_;
        } else if (peek() != '[' && !is_first) {
            fail("a name follows a dot");
        }
        if (peek() == '[') {
            const std::size_t end = closing_bracket();
            step.selectors = bracket(text_.substr(at_ + 1, end - at_ - 1));
            at_ = end + 1;
        } else if (peek() == '*') {
            ++at_;
            step.selectors.emplace_back(All{});
        } else {
            step.selectors.emplace_back(Name{name()});
        }
        return step;
    }

    std::string name() {
        std::string name;
        for (; at_ < text_.size(); ++at_) {
            if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
                name += text_[++at_];
            } else if (kNameEnds.find(text_[at_]) == std::string_view::npos) {
                name += text_[at_];
            } else {
                break;
            }
        }
        if (name.empty()) fail("a name is missing");
        return name;
    }

    // Of the bracket at at_; brackets inside quotes and filters do not count.
    [[nodiscard]] std::size_t closing_bracket() const {
        char quote = '\0';
        int open = 0;
        for (std::size_t i = at_; i < text_.size(); ++i) {
            const char c = text_[i];
            if (quote != '\0') {
                if (c == '\\') ++i;
                if (c == quote) quote = '\0';
            } else if (c == '\'' || c == '"') {
                quote = c;
            } else if (c == '[') {
                ++open;
            } else if (c == ']' && --open == 0) {
                return i;
            }
        }
        fail("a ] is missing");
    }

    [[nodiscard]] std::vector<Selector> bracket(std::string_view inside) const {
        if (inside.starts_with("?(") && inside.ends_with(")"))
            return {std::make_shared<const Filter>(filter(inside.substr(2, inside.size() - 3)))};
        std::vector<Selector> selectors;
        for (const std::string_view part : split(inside, ',')) selectors.push_back(selector(part));
        return selectors;
    }

    [[nodiscard]] Selector selector(std::string_view text) const {
        if (text == "*") return All{};
        if (const auto name = quoted(text)) return Name{*name};
        const auto parts = split(text, ':');
        if (parts.size() > 3) fail("'" + std::string(text) + "' is no range");
        Range range;
        range.from = number(parts[0]);
        if (parts.size() == 1) {
            if (!range.from) fail("'" + std::string(text) + "' is no index");
            range.is_one = true;
            return range;
        }
        range.to = number(parts[1]);
        if (parts.size() == 3) range.step = number(parts[2]).value_or(1);
        if (range.step < 1) fail("a range's step is at least 1");
        return range;
    }

    // The text's pieces between separators outside quotes, without blanks around them.
    static std::vector<std::string_view> split(std::string_view text, char separator) {
        std::vector<std::string_view> parts;
        std::size_t begin = 0;
        char quote = '\0';
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (quote != '\0') {
                if (text[i] == '\\')
                    ++i;
                else if (text[i] == quote)
                    quote = '\0';
            } else if (text[i] == '\'' || text[i] == '"') {
                quote = text[i];
            } else if (text[i] == separator) {
                parts.push_back(trim(text.substr(begin, i - begin)));
                begin = i + 1;
            }
        }
        parts.push_back(trim(text.substr(begin)));
        return parts;
    }

    static std::string_view trim(std::string_view text) {
        while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
        while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
        return text;
    }

    [[nodiscard]] std::optional<std::int64_t> number(std::string_view text) const {
        if (text.empty()) return std::nullopt;
        std::int64_t value = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
        if (read.ec != std::errc{} || read.ptr != text.data() + text.size())
            fail("'" + std::string(text) + "' is no index");
        return value;
    }

    static std::optional<std::string> quoted(std::string_view text) {
        if (text.size() < 2 || (text[0] != '\'' && text[0] != '"') || text.back() != text[0])
            return std::nullopt;
        std::string result;
        for (std::size_t i = 1; i + 1 < text.size(); ++i) {
            if (text[i] == '\\' && i + 2 < text.size()) ++i;
            result += text[i];
        }
        return result;
    }

    [[nodiscard]] Filter filter(std::string_view text) const {
        struct Sign {
            std::string_view text;
            Compare compare;
        };
        static constexpr Sign kSigns[] = {{"==", Compare::kEqual},       {"!=", Compare::kNotEqual},
                                          {"<=", Compare::kLessOrEqual}, {">=", Compare::kGreaterOrEqual},
                                          {"<", Compare::kLess},         {">", Compare::kGreater}};
        char quote = '\0';
        int open = 0;  // signs of filters in this filter are theirs
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (quote != '\0') {
                if (text[i] == quote) quote = '\0';
                continue;
            }
            if (text[i] == '\'' || text[i] == '"') quote = text[i];
            if (text[i] == '[') ++open;
            if (text[i] == ']') --open;
            if (open > 0) continue;
            for (const Sign& sign : kSigns) {
                if (!text.substr(i).starts_with(sign.text)) continue;
                return {operand(text.substr(0, i)), operand(text.substr(i + sign.text.size())), sign.compare};
            }
        }
        return {operand(text), {}, Compare::kIsThere};
    }

    [[nodiscard]] Operand operand(std::string_view text) const {
        text = trim(text);
        if (text.empty()) fail("a side of the filter is missing");
        if (text[0] == '@' || text[0] == '$' || text[0] == '.') return {Reader(text, depth_ + 1).path(), {}};
        if (auto name = quoted(text)) return {{}, Value(*std::move(name))};
        try {
            return {{}, parse_json(text)};
        } catch (const Error&) {
            fail("'" + std::string(text) + "' is neither a path (@.name) nor a value (\"text\", 3, true)");
        }
    }

    std::string_view text_;
    int depth_;
    std::size_t at_ = 0;
};

// --- finding

std::vector<Value> walk(const Steps& steps, const Value& root);

std::optional<Value> value_of(const Operand& operand, const Value& item) {
    if (operand.literal) return operand.literal;
    const auto found = walk(operand.path, item);
    return found.empty() ? std::nullopt : std::optional(found.front());
}

bool holds(const Filter& filter, const Value& item) {
    const auto left = value_of(filter.left, item);
    if (filter.compare == Compare::kIsThere) return left.has_value();
    const auto right = value_of(filter.right, item);
    if (!left || !right) return false;
    int order = 0;
    if (left->is_number() && right->is_number()) {
        const double a = left->as_double();
        const double b = right->as_double();
        order = a < b ? -1 : a > b ? 1 : 0;
    } else {
        order = go_format_v(*left).compare(go_format_v(*right));
    }
    switch (filter.compare) {
        case Compare::kEqual:
            return order == 0;
        case Compare::kNotEqual:
            return order != 0;
        case Compare::kLess:
            return order < 0;
        case Compare::kLessOrEqual:
            return order <= 0;
        case Compare::kGreater:
            return order > 0;
        default:
            return order >= 0;
    }
}

void add_children(const Value& value, std::vector<Value>& found) {
    for (const Value& item : value.list_or_empty()) found.push_back(item);
    for (const Member& member : value.map_or_empty()) found.push_back(member.value);
}

void add_range(const Range& range, const List& items, std::vector<Value>& found) {
    const auto size = static_cast<std::int64_t>(items.size());
    const auto place = [&](std::int64_t index) { return index < 0 ? size + index : index; };
    if (range.is_one) {
        const std::int64_t at = place(*range.from);
        if (at >= 0 && at < size) found.push_back(items[static_cast<std::size_t>(at)]);
        return;
    }
    const std::int64_t end = std::min(place(range.to.value_or(size)), size);
    for (std::int64_t at = std::max<std::int64_t>(place(range.from.value_or(0)), 0); at < end;
         at += std::min(range.step, size)) {
        found.push_back(items[static_cast<std::size_t>(at)]);
    }
}

void select(const Selector& selector, const Value& value, std::vector<Value>& found) {
    if (const auto* name = std::get_if<Name>(&selector)) {
        if (const Value* member = value.find(name->name)) found.push_back(*member);
    } else if (const auto* range = std::get_if<Range>(&selector)) {
        add_range(*range, value.list_or_empty(), found);
    } else if (const auto* filter = std::get_if<std::shared_ptr<const Filter>>(&selector)) {
        std::vector<Value> children;
        add_children(value, children);
        for (Value& child : children) {
            if (holds(**filter, child)) found.push_back(std::move(child));
        }
    } else {
        add_children(value, found);
    }
}

void add_descendants(const Value& value, std::vector<Value>& found) {
    found.push_back(value);
    std::vector<Value> children;
    add_children(value, children);
    for (const Value& child : children) add_descendants(child, found);
}

std::vector<Value> walk(const Steps& steps, const Value& root) {
    std::vector<Value> values{root};
    for (const JsonPath::Step& step : steps) {
        std::vector<Value> from;
        if (step.descends) {
            for (const Value& value : values) add_descendants(value, from);
        } else {
            from = std::move(values);
        }
        values.clear();
        for (const Selector& selector : step.selectors) {
            for (const Value& value : from) select(selector, value, values);
        }
    }
    return values;
}

// --- templates

using Nodes = std::vector<JsonPathTemplate::Node>;

class TemplateReader {
  public:
    explicit TemplateReader(std::string_view text) : text_(text) {
        if (text.size() > kMaxJsonPathBytes)
            throw Error(ErrorKind::kTooLarge, "a JSONPath template has more than 64 KiB");
    }

    Nodes read() {
        Nodes nodes = body(0);
        if (at_ < text_.size()) fail("{end} without {range}");
        if (!has_expression_) fail("it has no expression in braces: write {.metadata.name}");
        return nodes;
    }

  private:
    [[noreturn]] void fail(const std::string& why) const {
        throw Error(ErrorKind::kInvalid, "JSONPath template '" + std::string(text_) + "': " + why);
    }

    // Up to the end of the text, or to the {end} that a range's body stops at.
    Nodes body(int depth) {
        if (depth > kMaxJsonPathDepth) fail("its ranges are too deep");
        Nodes nodes;
        while (at_ < text_.size()) {
            const std::size_t open = std::min(text_.find('{', at_), text_.size());
            if (open > at_) nodes.push_back({.text = std::string(text_.substr(at_, open - at_))});
            at_ = open;
            if (open == text_.size()) break;
            const std::size_t close = closing_brace();
            const std::string_view inside = trimmed(text_.substr(open + 1, close - open - 1));
            has_expression_ = true;
            if (inside == "end") {
                if (depth == 0) return nodes;
                at_ = close + 1;
                return nodes;
            }
            at_ = close + 1;
            nodes.push_back(node(inside, depth));
        }
        if (depth > 0) fail("a {range} has no {end}");
        return nodes;
    }

    JsonPathTemplate::Node node(std::string_view inside, int depth) {
        if (inside.empty()) fail("a pair of braces is empty");
        if (inside[0] == '"' || inside[0] == '\'') return {.text = unquoted(inside)};
        constexpr std::string_view kRange = "range ";
        if (!inside.starts_with(kRange)) return {.path = JsonPath(inside)};
        JsonPathTemplate::Node range{.path = JsonPath(inside.substr(kRange.size()))};
        range.body = std::make_shared<const Nodes>(body(depth + 1));
        return range;
    }

    [[nodiscard]] std::size_t closing_brace() const {
        char quote = '\0';
        for (std::size_t i = at_; i < text_.size(); ++i) {
            if (quote != '\0') {
                if (text_[i] == '\\')
                    ++i;
                else if (text_[i] == quote)
                    quote = '\0';
            } else if (text_[i] == '"' || text_[i] == '\'') {
                quote = text_[i];
            } else if (text_[i] == '}') {
                return i;
            }
        }
        fail("a } is missing");
    }

    [[nodiscard]] static std::string_view trimmed(std::string_view text) {
        while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
        while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
        return text;
    }

    [[nodiscard]] std::string unquoted(std::string_view text) const {
        if (text.size() < 2 || text.back() != text.front()) fail("a quote is missing");
        std::string result;
        for (std::size_t i = 1; i + 1 < text.size(); ++i) {
            char c = text[i];
            if (c == '\\' && i + 2 < text.size()) {
                c = text[++i];
                c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
            }
            result += c;
        }
        return result;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool has_expression_ = false;
};

void append_results(std::string& output, const std::vector<Value>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (i > 0) output += ' ';
        if (values[i].is_list() || values[i].is_map()) {
            output += to_json(values[i]);
        } else {
            append_go_format_v(output, values[i]);
        }
    }
}

void render(const Nodes& nodes, const Value& root, std::string& output) {
    for (const JsonPathTemplate::Node& node : nodes) {
        output += node.text;
        if (!node.path) continue;
        const auto values = node.path->find(root);
        if (!node.body) {
            append_results(output, values);
            continue;
        }
        for (const Value& value : values) render(*node.body, value, output);
    }
}

}  // namespace

JsonPath::JsonPath(std::string_view text) : steps_(std::make_shared<const Steps>(Reader(text).path())) {}

std::vector<Value> JsonPath::find(const Value& root) const { return walk(*steps_, root); }

JsonPathTemplate::JsonPathTemplate(std::string_view text)
    : nodes_(std::make_shared<const Nodes>(TemplateReader(text).read())) {}

std::string JsonPathTemplate::render(const Value& root) const {
    std::string output;
    fencepost::render(*nodes_, root, output);
    return output;
}

}  // namespace fencepost
