#include <algorithm>

#include "base/utf8.h"
#include "value/json.h"
#include "value/yaml.h"
#include "value/yaml_scalar.h"

namespace fencepost {

namespace {

bool can_be_plain(std::string_view text) {
    if (text.empty() || !resolve_yaml_scalar(text).is_string() || text == "<<" || text == "=") return false;
    constexpr std::string_view kIndicators = "-?:,[]{}#&*!|>'\"%@` ";
    if (kIndicators.find(text[0]) != std::string_view::npos || text.back() == ' ' || text.back() == ':')
        return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte < 0x20 || byte >= 0x7F) return false;
        if (text[i] == ':' && i + 1 < text.size() && text[i + 1] == ' ') return false;
        if (text[i] == '#' && text[i - 1] == ' ') return false;
    }
    return true;
}

// Of what may stand in YAML, these break a line.
bool must_be_escaped(unsigned rune) noexcept {
    return is_yaml_control(rune) || rune == 0x85 || rune == 0x2028 || rune == 0x2029;
}

bool can_be_literal(std::string_view text) {
    if (text.find('\n') == std::string_view::npos || text[0] == ' ' || text[0] == '\n') return false;
    for (std::size_t at = 0; at < text.size();) {
        const Rune found = decode_rune(text, at);
        if (!found.is_valid() || must_be_escaped(found.rune) || found.rune == '\r') return false;
        at += found.length;
    }
    return text.find(" \n") == std::string_view::npos;
}

std::string in_quotes(std::string_view text) {
    const std::string json = to_json(Value(text), {.escape_html = false, .indent = ""});
    std::string quoted;
    for (std::size_t at = 0; at < json.size();) {
        const Rune found = decode_rune(json, at);
        if (must_be_escaped(found.rune)) {
            constexpr const char* kDigits = "0123456789abcdef";
            quoted += "\\u";
            for (const unsigned shift : {12U, 8U, 4U, 0U}) quoted += kDigits[found.rune >> shift & 0xFU];
        } else {
            quoted.append(json, at, found.length);
        }
        at += found.length;
    }
    return quoted;
}

class Writer {
  public:
    explicit Writer(std::string& out) : out_(out) {}

    void document(const Value& value) {
        if ((value.is_map() && !value.as_map().empty()) || (value.is_list() && !value.as_list().empty())) {
            block(value, 0);
        } else {
            scalar(value, 0);
            out_ += '\n';
        }
    }

  private:
    // Lines of a non-empty map or list, each indented; the first one too.
    void block(const Value& value, std::size_t indent) {
        if (value.is_map()) {
            for (const Member& member : value.as_map()) {
                out_.append(indent, ' ');
                entry(member, indent);
            }
        } else {
            for (const Value& item : value.as_list()) {
                out_.append(indent, ' ');
                list_item(item, indent);
            }
        }
    }

    void entry(const Member& member, std::size_t indent) {
        out_ += can_be_plain(member.key) ? member.key : in_quotes(member.key);
        out_ += ':';
        const Value& value = member.value;
        if (value.is_map() && !value.as_map().empty()) {
            out_ += '\n';
            block(value, indent + 2);
        } else if (value.is_list() && !value.as_list().empty()) {
            out_ += '\n';
            block(value, indent);
        } else {
            out_ += ' ';
            scalar(value, indent + 2);
            out_ += '\n';
        }
    }

    void list_item(const Value& item, std::size_t indent) {
        out_ += "- ";
        if (item.is_map() && !item.as_map().empty()) {
            bool first = true;
            for (const Member& member : item.as_map()) {
                if (!first) out_.append(indent + 2, ' ');
                first = false;
                entry(member, indent + 2);
            }
        } else if (item.is_list() && !item.as_list().empty()) {
            bool first = true;
            for (const Value& inner : item.as_list()) {
                if (!first) out_.append(indent + 2, ' ');
                first = false;
                list_item(inner, indent + 2);
            }
        } else {
            scalar(item, indent + 2);
            out_ += '\n';
        }
    }

    void scalar(const Value& value, std::size_t indent) {
        if (!value.is_string()) {
            out_ += to_json(value, {.escape_html = false, .indent = ""});
            return;
        }
        const std::string& text = value.as_string();
        if (can_be_plain(text)) {
            out_ += text;
        } else if (can_be_literal(text)) {
            literal(text, indent);
        } else {
            out_ += in_quotes(text);
        }
    }

    void literal(std::string_view text, std::size_t indent) {
        std::size_t newlines = 0;
        while (newlines < text.size() && text[text.size() - 1 - newlines] == '\n') ++newlines;
        out_ += newlines == 0 ? "|-" : newlines == 1 ? "|" : "|+";
        std::string_view rest = text;
        if (newlines > 0) rest.remove_suffix(1);
        while (true) {
            const std::size_t end = rest.find('\n');
            const std::string_view line = rest.substr(0, end);
            out_ += '\n';
            if (!line.empty()) out_.append(std::max<std::size_t>(indent, 2), ' ');
            out_ += line;
            if (end == std::string_view::npos) break;
            rest.remove_prefix(end + 1);
        }
    }

    std::string& out_;
};

}  // namespace

std::string to_yaml(const Value& value) {
    std::string out;
    Writer(out).document(value);
    return out;
}

}  // namespace fencepost
