#include "functions/json_path.h"

#include <charconv>
#include <string>

#include "base/error.h"
#include "value/format.h"

namespace fencepost::functions {

namespace {

class Path {
  public:
    explicit Path(std::string_view text) : text_(text) {}

    std::vector<Value> run(const Value& root) {
        std::vector<Value> found{root};
        if (peek() == '$' || peek() == '@') ++at_;
        while (at_ < text_.size()) found = step(found);
        return found;
    }

  private:
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

    [[noreturn]] void fail(std::string_view why) const {
        throw Error(ErrorKind::kInvalid, "JSONPath '" + std::string(text_) + "': " + std::string(why));
    }

    std::vector<Value> step(const std::vector<Value>& from) {
        if (peek() == '[') {
            const std::size_t end = closing_bracket();
            const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
            at_ = end + 1;
            return bracket(from, inside);
        }
        if (peek() == '.') ++at_;
        const std::size_t end = std::min(text_.find_first_of(".[", at_), text_.size());
        const std::string_view name = text_.substr(at_, end - at_);
        if (name.empty()) fail("a name is missing");
        at_ = end;
        if (name == "*") return all(from);
        return members(from, name);
    }

    [[nodiscard]] std::size_t closing_bracket() const {
        char quote = '\0';
        for (std::size_t i = at_; i < text_.size(); ++i) {
            if (quote != '\0') {
                if (text_[i] == quote) quote = '\0';
            } else if (text_[i] == '\'' || text_[i] == '"') {
                quote = text_[i];
            } else if (text_[i] == ']') {
                return i;
            }
        }
        fail("a ] is missing");
    }

    static std::vector<Value> members(const std::vector<Value>& from, std::string_view name) {
        std::vector<Value> found;
        for (const Value& value : from) {
            if (const Value* member = value.find(name)) found.push_back(*member);
        }
        return found;
    }

    static std::vector<Value> all(const std::vector<Value>& from) {
        std::vector<Value> found;
        for (const Value& value : from) {
            for (const Value& item : value.list_or_empty()) found.push_back(item);
            for (const Member& member : value.map_or_empty()) found.push_back(member.value);
        }
        return found;
    }

    std::vector<Value> bracket(const std::vector<Value>& from, std::string_view inside) const {
        if (inside == "*") return all(from);
        if (inside.size() >= 2 && (inside[0] == '\'' || inside[0] == '"'))
            return members(from, inside.substr(1, inside.size() - 2));
        if (inside.starts_with("?(") && inside.ends_with(")"))
            return filter(from, inside.substr(2, inside.size() - 3));
        std::int64_t index = 0;
        const auto read = std::from_chars(inside.data(), inside.data() + inside.size(), index);
        if (read.ec != std::errc{} || read.ptr != inside.data() + inside.size())
            fail("'" + std::string(inside) + "' is no index");
        std::vector<Value> found;
        for (const Value& value : from) {
            const List& items = value.list_or_empty();
            const auto size = static_cast<std::int64_t>(items.size());
            const std::int64_t at = index < 0 ? size + index : index;
            if (at >= 0 && at < size) found.push_back(items[static_cast<std::size_t>(at)]);
        }
        return found;
    }

    std::vector<Value> filter(const std::vector<Value>& from, std::string_view condition) const {
        const std::size_t equals = condition.find("==");
        if (equals == std::string_view::npos) fail("a filter must compare with ==");
        const auto trim = [](std::string_view text) {
            while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
            while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
            return text;
        };
        const std::string_view path = trim(condition.substr(0, equals));
        std::string_view wanted = trim(condition.substr(equals + 2));
        if (wanted.size() >= 2 && (wanted[0] == '"' || wanted[0] == '\''))
            wanted = wanted.substr(1, wanted.size() - 2);
        std::vector<Value> found;
        for (const Value& item : all(from)) {
            for (const Value& seen : Path(path).run(item)) {
                if (go_format_v(seen) == wanted) {
                    found.push_back(item);
                    break;
                }
            }
        }
        return found;
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

std::vector<Value> json_path(const Value& root, std::string_view path) { return Path(path).run(root); }

}  // namespace fencepost::functions
