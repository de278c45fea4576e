// The XML that S3 servers answer with, and the few bodies that are sent. A small strict reader: elements,
// text, the five named entities and character references, CDATA, comments, one declaration; a document type
// is refused (no entity can be defined, so none can explode), attributes are skipped. Limits: kMaxXmlDepth,
// kMaxXmlNodes. Pure. Errors: kDataLoss (the peer sent it, not the user).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "location/location.h"

namespace fencepost::location {

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

struct S3ListPage {
    std::vector<ObjectStat> objects;
    bool is_truncated = false;
    std::string next_token;
};
[[nodiscard]] S3ListPage parse_list_page(std::string_view document);

struct S3ErrorBody {
    std::string code;
    std::string message;
    std::string region;  // where the bucket is, of a redirect
};
// What cannot be read as one (a proxy's HTML page, nothing) has an empty code.
[[nodiscard]] S3ErrorBody parse_error_body(std::string_view document) noexcept;

[[nodiscard]] std::string parse_upload_id(std::string_view document);

struct S3Part {
    int number = 0;
    std::string etag;
    std::string crc32;  // base64; "" where the server does not know checksums
};
[[nodiscard]] std::string complete_upload_body(const std::vector<S3Part>& parts);

}  // namespace fencepost::location
