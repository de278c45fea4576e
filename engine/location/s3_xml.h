// The XML that S3 servers answer with (aws/xml.h reads it), and the few bodies that are sent. Pure. Errors:
// kDataLoss (the peer sent it, not the user).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "location/location.h"

namespace fencepost::location {

struct S3ListPage {
    std::vector<ObjectStat> objects;
    bool is_truncated = false;
    std::string next_token;
};
[[nodiscard]] S3ListPage parse_list_page(std::string_view document);

struct S3Version {
    std::string key, id;
    std::uint64_t size = 0;
    bool is_latest = false;
    bool is_delete_marker = false;  // the object counts as removed where it is the latest
};
// Of one key the latest comes first.
struct S3VersionPage {
    std::vector<S3Version> versions;
    bool is_truncated = false;
    std::string next_key, next_id;
};
[[nodiscard]] S3VersionPage parse_version_page(std::string_view document);

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
[[nodiscard]] SystemTime parse_retention(std::string_view document);  // until when
// "GOVERNANCE" and "COMPLIANCE" are the modes.
[[nodiscard]] std::string retention_body(std::string_view mode, std::string_view until);
[[nodiscard]] std::string complete_upload_body(const std::vector<S3Part>& parts);

}  // namespace fencepost::location
