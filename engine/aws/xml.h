// The XML that AWS' servers, and those that speak as they do, answer with. A small strict reader: elements,
// text, the five named entities and character references, CDATA, comments, one declaration; a document type
// is refused (no entity can be defined, so none can explode), attributes are skipped. Limits: kMaxXmlDepth,
// kMaxXmlNodes. Pure. Errors: kDataLoss (the peer sent it, not the user).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace fencepost::aws {

inline constexpr int kMaxXmlDepth = 16;
inline constexpr std::size_t kMaxXmlNodes = 100'000;

struct XmlNode {
    std::string name;  // without a namespace prefix
    std::string text;
    std::vector<XmlNode> children;
    [[nodiscard]] const XmlNode* child(std::string_view of_name) const noexcept;
    [[nodiscard]] std::string child_text(std::string_view of_name) const;  // "" where absent
};

[[nodiscard]] XmlNode parse_xml(std::string_view document);

}  // namespace fencepost::aws
