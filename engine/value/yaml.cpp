#include "value/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <cmath>
#include <istream>
#include <map>
#include <set>
#include <streambuf>
#include <unordered_map>

#include "base/utf8.h"
#include "value/format.h"
#include "value/yaml_scalar.h"

namespace fencepost {

struct SourceMap::Impl {
    std::unordered_map<std::string, Mark> keys;
    std::unordered_map<std::string, Mark> values;
};

SourceMap::SourceMap() : impl_(std::make_unique<Impl>()) {}
SourceMap::SourceMap(SourceMap&&) noexcept = default;
SourceMap& SourceMap::operator=(SourceMap&&) noexcept = default;
SourceMap::~SourceMap() = default;

void SourceMap::add(std::string pointer, Part part, Mark mark) {
    (part == Part::kKey ? impl_->keys : impl_->values).emplace(std::move(pointer), mark);
}

SourceMap::Mark SourceMap::at(std::string_view pointer, Part part) const {
    const auto& wanted = part == Part::kKey ? impl_->keys : impl_->values;
    if (const auto found = wanted.find(std::string(pointer)); found != wanted.end()) return found->second;
    for (std::string path(pointer);;) {
        if (const auto found = impl_->values.find(path); found != impl_->values.end()) return found->second;
        const std::size_t slash = path.rfind('/');
        if (slash == std::string::npos) return Mark{1, 1, Style::kPlain};
        path.resize(slash);
    }
}

namespace {

using Mark = SourceMap::Mark;

[[noreturn]] void fail(std::string_view file, const YAML::Mark& mark, std::string message,
                       std::string hint = {}) {
    Error error(ErrorKind::kInvalid,
                "yaml: line " + std::to_string(mark.line + 1) + ": " + std::move(message), std::move(hint));
    throw error.at(Position{std::string(file), mark.line + 1, mark.column + 1});
}

// yaml-cpp reads the escapes \N and \_ as the bytes 0x85 and 0xA0; what is meant are U+0085 and U+00A0.
std::string with_runes(const std::string& text) {
    std::string result;
    for (std::size_t at = 0; at < text.size();) {
        const Rune found = decode_rune(text, at);
        if (found.is_valid())
            result.append(text, at, found.length);
        else
            append_rune(result, static_cast<unsigned char>(text[at]));
        at += found.length;
    }
    return result;
}

std::string pointer_member(const std::string& parent, std::string_view key) {
    std::string pointer = parent + "/";
    for (const char c : key) {
        if (c == '~')
            pointer += "~0";
        else if (c == '/')
            pointer += "~1";
        else
            pointer += c;
    }
    return pointer;
}

// What an anchor names.
struct Node {
    Value value;
    std::size_t nodes = 1;
};

// Builds Values from events: yaml-cpp's own Node keeps duplicate keys, ignores << and loses marks.
class Builder : public YAML::EventHandler {
  public:
    Builder(std::string_view file, std::string_view text) : file_(file), text_(text) {}

    void OnDocumentStart(const YAML::Mark& mark) override {
        // yaml-cpp leaves a stray ',' ']' or '}' between documents where it is, and finds an empty document
        // there for ever.
        if (mark.pos == last_start_) fail(file_, mark, "did not find expected node content");
        last_start_ = mark.pos;
        document_ = YamlDocument{};
        document_.first_line = mark.line + 1;
        has_root_ = false;
        anchors_.clear();
        total_nodes_ = 0;
    }
    void OnDocumentEnd() override {
        if (has_root_) done_.push_back(std::move(document_));
    }
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        put(Value{}, mark, Style::kPlain, anchor);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) fail(file_, mark, "an alias stands inside the node that it names");
        count(mark, found->second.nodes);
        put_value(found->second.value, mark, Style::kPlain, 0, found->second.nodes);
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& given) override {
        const Style style = style_at(mark, tag);
        const std::string text = style == Style::kDoubleQuoted ? with_runes(given) : given;
        const bool is_plain = style == Style::kPlain && tag != "!";
        if (expects_key()) {
            take_key(mark, is_plain ? yaml_key_text(text) : text);
            return;
        }
        put(is_plain ? resolve(tag, text, mark) : Value(text), mark, style, anchor);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Value(List{}), mark, anchor);
    }
    void OnSequenceEnd() override { close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Value(Map{}), mark, anchor);
    }
    void OnMapEnd() override { close(); }

    [[nodiscard]] std::vector<YamlDocument> take() { return std::move(done_); }

  private:
    using Style = SourceMap::Style;
    int last_start_ = -1;
    struct Open {
        Value value;
        std::string pointer;
        YAML::Mark mark;
        YAML::anchor_t anchor = 0;
        std::string key;
        YAML::Mark key_mark;
        bool has_key = false;
        std::set<std::string> keys;
        std::vector<Value> merges;
        std::size_t nodes = 1;
    };

    [[nodiscard]] bool expects_key() const {
        return !open_.empty() && open_.back().value.is_map() && !open_.back().has_key;
    }

    Style style_at(const YAML::Mark& mark, const std::string& tag) const {
        // yaml-cpp tells quoted scalars by the tag "!"; which quotes or block they are is read from the text.
        const auto at = static_cast<std::size_t>(mark.pos < 0 ? 0 : mark.pos);
        const char c = at < text_.size() ? text_[at] : '\0';
        if (tag != "!") return Style::kPlain;
        switch (c) {
            case '\'':
                return Style::kSingleQuoted;
            case '"':
                return Style::kDoubleQuoted;
            case '|':
                return Style::kLiteral;
            case '>':
                return Style::kFolded;
            default:
                return Style::kDoubleQuoted;
        }
    }

    Value resolve(const std::string& tag, const std::string& text, const YAML::Mark& mark) const {
        if (tag == "tag:yaml.org,2002:str") return Value(text);
        if (!tag.empty() && tag != "?" && tag.rfind("tag:yaml.org,2002:", 0) != 0)
            fail(file_, mark, "unknown tag " + tag);
        Value value = resolve_yaml_scalar(text);
        // Such a number has no JSON, and so no object can hold it.
        if (value.kind() == Kind::kFloat && !std::isfinite(value.as_double()))
            fail(file_, mark, "json: unsupported value: " + go_format_v(value), "quote it, if it is a text");
        return value;
    }

    void count(const YAML::Mark& mark, std::size_t nodes) {
        total_nodes_ += nodes;
        if (total_nodes_ > kMaxYamlNodes) {
            fail(file_, mark,
                 "document contains more than " + std::to_string(kMaxYamlNodes) +
                     " nodes once its aliases are expanded");
        }
    }

    void take_key(const YAML::Mark& mark, std::string key) {
        Open& map = open_.back();
        count(mark, 1);
        if (key != "<<" && !map.keys.insert(key).second) {
            fail(file_, mark, "key \"" + key + "\" already set in map", "keep one of the two");
        }
        map.key = std::move(key);
        map.key_mark = mark;
        map.has_key = true;
    }

    [[nodiscard]] std::string pointer_of_next() const {
        if (open_.empty()) return "";
        const Open& parent = open_.back();
        if (parent.value.is_map()) return pointer_member(parent.pointer, parent.key);
        return parent.pointer + "/" + std::to_string(parent.value.as_list().size());
    }

    void open(Value container, const YAML::Mark& mark, YAML::anchor_t anchor) {
        if (expects_key()) fail(file_, mark, "a map key must be a scalar");
        if (open_.size() >= kMaxYamlDepth) {
            fail(file_, mark, "nested deeper than " + std::to_string(kMaxYamlDepth) + " levels");
        }
        count(mark, 1);
        Open next;
        next.value = std::move(container);
        next.pointer = pointer_of_next();
        next.mark = mark;
        next.anchor = anchor;
        open_.push_back(std::move(next));
    }

    void close() {
        Open done = std::move(open_.back());
        open_.pop_back();
        // What << brings never overrides a key of the map itself; earlier merges win over later ones.
        for (const Value& merged : done.merges) {
            for (const Member& member : merged.as_map()) {
                if (!done.value.as_map().contains(member.key))
                    done.value.writable_map().set(member.key, member.value);
            }
        }
        put_value(std::move(done.value), done.mark, Style::kPlain, done.anchor, done.nodes);
    }

    void put(Value value, const YAML::Mark& mark, Style style, YAML::anchor_t anchor) {
        count(mark, 1);
        if (expects_key()) {
            take_key(mark, "null");
            return;
        }
        put_value(std::move(value), mark, style, anchor, 1);
    }

    void put_value(Value value, const YAML::Mark& mark, Style style, YAML::anchor_t anchor,
                   std::size_t nodes) {
        if (anchor != 0) {
            Node& node = anchors_[anchor];
            node.value = value;
            node.nodes = nodes;
        }
        const std::string pointer = pointer_of_next();
        document_.source.add(pointer, SourceMap::Part::kValue, Mark{mark.line + 1, mark.column + 1, style});
        if (open_.empty()) {
            document_.value = std::move(value);
            has_root_ = true;
            return;
        }
        Open& parent = open_.back();
        parent.nodes += nodes;
        if (parent.value.is_list()) {
            parent.value.writable_list().push_back(std::move(value));
            return;
        }
        document_.source.add(pointer, SourceMap::Part::kKey,
                             Mark{parent.key_mark.line + 1, parent.key_mark.column + 1, Style::kPlain});
        parent.has_key = false;
        if (parent.key == "<<") {
            merge(parent, std::move(value), mark);
        } else {
            parent.value.writable_map().set(parent.key, std::move(value));
        }
    }

    void merge(Open& parent, Value value, const YAML::Mark& mark) {
        if (value.is_map()) {
            parent.merges.push_back(std::move(value));
            return;
        }
        for (const Value& item : value.list_or_empty()) {
            if (!item.is_map()) fail(file_, mark, "map merge requires map or sequence of maps as the value");
            parent.merges.push_back(item);
        }
        if (!value.is_list()) fail(file_, mark, "map merge requires map or sequence of maps as the value");
    }

    std::string_view file_;
    std::string_view text_;
    YamlDocument document_;
    bool has_root_ = false;
    std::vector<Open> open_;
    std::map<YAML::anchor_t, Node> anchors_;
    std::vector<YamlDocument> done_;
    std::size_t total_nodes_ = 0;
};

class ViewBuffer : public std::streambuf {
  public:
    explicit ViewBuffer(std::string_view text) {
        char* begin = const_cast<char*>(text.data());
        setg(begin, begin, begin + text.size());
    }
};

// yaml-cpp recurses for every level, and a thread's stack is small: refuse before it is asked to.
void check_nesting(std::string_view file, std::string_view text) {
    std::size_t brackets = 0;
    std::size_t dashes = 0;
    int line = 0;
    bool line_start = true;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n') {
            ++line;
            line_start = true;
            dashes = 0;
            continue;
        }
        if (c == '[' || c == '{') ++brackets;
        if ((c == ']' || c == '}') && brackets > 0) --brackets;
        if (line_start && (c == '-' || c == '?') && i + 1 < text.size() && text[i + 1] == ' ')
            ++dashes;
        else if (c != ' ')
            line_start = false;
        if (brackets > kMaxYamlBrackets || dashes > kMaxYamlDepth) {
            YAML::Mark mark;
            mark.line = line;
            fail(file, mark, "nested deeper than " + std::to_string(kMaxYamlDepth) + " levels");
        }
    }
}

// YAML's characters, in UTF-8: yaml-cpp takes any bytes, go-yaml does not.
void check_characters(std::string_view file, std::string_view text) {
    YAML::Mark mark;
    for (std::size_t at = text.starts_with("\xEF\xBB\xBF") ? 3 : 0; at < text.size(); ++mark.column) {
        const Rune found = decode_rune(text, at);
        if (!found.is_valid()) fail(file, mark, "invalid UTF-8", "save the file as UTF-8");
        if (is_yaml_control(found.rune)) {
            fail(file, mark, "control characters are not allowed", "write it as \"\\x1b\" in quotes");
        }
        if (found.rune == '\n') {
            ++mark.line;
            mark.column = -1;
        }
        at += found.length;
    }
}

// Also the empty ones.
std::vector<YamlDocument> parse_stream(std::string_view text, std::string_view file) {
    if (text.size() > kMaxYamlBytes) {
        throw Error(ErrorKind::kTooLarge, std::string(file) + ": YAML text is larger than " +
                                              std::to_string(kMaxYamlBytes) + " bytes");
    }
    check_characters(file, text);
    check_nesting(file, text);
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    Builder builder(file, text);
    try {
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const YAML::Exception& e) {
        fail(file, e.mark, e.msg);
    }
    return builder.take();
}

}  // namespace

std::vector<YamlDocument> parse_yaml(std::string_view text, std::string_view file) {
    std::vector<YamlDocument> documents = parse_stream(text, file);
    std::erase_if(documents, [](const YamlDocument& document) { return document.value.is_nil(); });
    return documents;
}

Value parse_yaml_value(std::string_view text, std::string_view file) {
    std::vector<YamlDocument> documents = parse_stream(text, file);
    if (documents.size() != 1) {
        throw Error(ErrorKind::kInvalid,
                    "expected one YAML document, got " + std::to_string(documents.size()));
    }
    return std::move(documents[0].value);
}

}  // namespace fencepost
