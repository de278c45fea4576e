#include "aws/xml.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "base/error.h"
#include "base/utf8.h"

namespace fencepost::aws {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

class Reader {
  public:
    explicit Reader(std::string_view text) noexcept : text_(text) {}

    XmlNode document() {
        if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
        skip_misc();
        if (!looking_at("<")) fail("there is no element");
        XmlNode root = element(1);
        skip_misc();
        if (at_ != text_.size()) fail("something follows the root element");
        return root;
    }

  private:
    [[noreturn]] void fail(std::string_view why) const {
        throw Error(ErrorKind::kDataLoss, "the server's XML cannot be read at byte " + std::to_string(at_) +
                                              ": " + std::string(why));
    }
    [[nodiscard]] bool looking_at(std::string_view what) const noexcept {
        return text_.substr(at_).starts_with(what);
    }
    void skip_space() noexcept {
        while (at_ < text_.size() && kSpace.find(text_[at_]) != std::string_view::npos) ++at_;
    }
    std::string_view until(std::string_view end) {
        const std::size_t stop = text_.find(end, at_);
        if (stop == std::string_view::npos) fail("no '" + std::string(end) + "' follows");
        const std::string_view inside = text_.substr(at_, stop - at_);
        at_ = stop + end.size();
        return inside;
    }
    // Comments, processing instructions and space around the root element.
    void skip_misc() {
        while (true) {
            skip_space();
            if (looking_at("<?")) {
                until("?>");
            } else if (looking_at("<!--")) {
                at_ += 4;
                until("-->");
            } else {
                return;
            }
        }
    }

    std::string_view name() {
        const std::size_t start = at_;
        while (at_ < text_.size()) {
            const char c = text_[at_];
            const bool part = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
                              static_cast<unsigned char>(c) >= 0x80 ||
                              (at_ > start && ((c >= '0' && c <= '9') || c == '-' || c == '.'));
            if (!part) break;
            ++at_;
        }
        if (at_ == start) fail("a name was expected");
        return text_.substr(start, at_ - start);
    }

    // True if the element is empty ("/>").
    bool rest_of_start_tag() {
        while (true) {
            const std::size_t before = at_;
            skip_space();
            if (looking_at("/>")) {
                at_ += 2;
                return true;
            }
            if (looking_at(">")) {
                ++at_;
                return false;
            }
            if (at_ == before) fail("a space, '>' or '/>' was expected");
            name();
            skip_space();
            if (!looking_at("=")) fail("'=' was expected");
            ++at_;
            skip_space();
            if (!looking_at("\"") && !looking_at("'")) fail("a quote was expected");
            const std::string_view quote = text_.substr(at_++, 1);
            if (until(quote).find('<') != std::string_view::npos) fail("'<' in an attribute");
        }
    }

    void reference(std::string& text) {
        const std::size_t start = at_;
        ++at_;
        const std::string_view what = until(";");
        if (what == "lt") {
            text += '<';
        } else if (what == "gt") {
            text += '>';
        } else if (what == "amp") {
            text += '&';
        } else if (what == "quot") {
            text += '"';
        } else if (what == "apos") {
            text += '\'';
        } else {
            const bool hex = what.starts_with("#x");
            const std::string_view digits = what.substr(std::min<std::size_t>(what.size(), hex ? 2 : 1));
            const char* last = digits.data() + digits.size();
            std::uint32_t code = 0;
            const auto [end, error] = std::from_chars(digits.data(), last, code, hex ? 16 : 10);
            const bool is_character = code != 0 && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
            if (!what.starts_with('#') || error != std::errc{} || end != last || !is_character) {
                at_ = start;
                fail("an unknown entity");
            }
            append_rune(text, code);
        }
    }

    XmlNode element(int depth) {
        if (depth > kMaxXmlDepth) fail("elements are nested too deep");
        if (++nodes_ > kMaxXmlNodes) fail("too many elements");
        ++at_;  // '<'
        if (looking_at("!")) fail("a document type is not allowed");
        const std::string_view full_name = name();
        XmlNode node;
        node.name = full_name.substr(full_name.find(':') + 1);
        if (rest_of_start_tag()) return node;
        while (true) {
            const std::size_t stop = text_.find_first_of("<&", at_);
            if (stop == std::string_view::npos) fail("the element '" + node.name + "' does not end");
            node.text += text_.substr(at_, stop - at_);
            at_ = stop;
            if (looking_at("&")) {
                reference(node.text);
            } else if (looking_at("</")) {
                at_ += 2;
                if (name() != full_name) fail("the end of another element");
                skip_space();
                if (!looking_at(">")) fail("'>' was expected");
                ++at_;
                return node;
            } else if (looking_at("<!--")) {
                at_ += 4;
                until("-->");
            } else if (looking_at("<![CDATA[")) {
                at_ += 9;
                node.text += until("]]>");
            } else if (looking_at("<?")) {
                until("?>");
            } else {
                node.children.push_back(element(depth + 1));
            }
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t nodes_ = 0;
};

}  // namespace

const XmlNode* XmlNode::child(std::string_view of_name) const noexcept {
    for (const XmlNode& candidate : children) {
        if (candidate.name == of_name) return &candidate;
    }
    return nullptr;
}

std::string XmlNode::child_text(std::string_view of_name) const {
    const XmlNode* found = child(of_name);
    return found == nullptr ? std::string() : found->text;
}

XmlNode parse_xml(std::string_view document) { return Reader(document).document(); }

}  // namespace fencepost::aws
