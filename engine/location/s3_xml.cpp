#include "location/s3_xml.h"

#include <charconv>

#include "aws/xml.h"
#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::location {
namespace {

using aws::parse_xml;
using aws::XmlNode;

[[noreturn]] void unexpected(const XmlNode& node, std::string_view wanted) {
    throw Error(ErrorKind::kDataLoss,
                "the server answered with <" + node.name + ">, expected was <" + std::string(wanted) + ">");
}

std::string without_quotes(std::string text) {
    std::erase(text, '"');
    return text;
}

[[noreturn]] void without_key_or_size() {
    throw Error(ErrorKind::kDataLoss, "the server's list has an object without a key or a size");
}

std::uint64_t size_of(const XmlNode& node) {
    const std::string text = node.child_text("Size");
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc{} || end != text.data() + text.size()) without_key_or_size();
    return size;
}

SystemTime time_of(const std::string& text) {
    try {
        return parse_rfc3339(text);
    } catch (const Error&) {
        throw Error(ErrorKind::kDataLoss, "the server answered with the time '" + text + "'");
    }
}

[[noreturn]] void goes_on_nowhere() {
    throw Error(ErrorKind::kDataLoss, "the server's list of objects goes on, but it does not say where");
}

}  // namespace

S3ListPage parse_list_page(std::string_view document) {
    const XmlNode root = parse_xml(document);
    if (root.name != "ListBucketResult") unexpected(root, "ListBucketResult");
    S3ListPage page;
    page.is_truncated = root.child_text("IsTruncated") == "true";
    page.next_token = root.child_text("NextContinuationToken");
    if (page.is_truncated && page.next_token.empty()) goes_on_nowhere();
    for (const XmlNode& node : root.children) {
        if (node.name != "Contents") continue;
        ObjectStat object;
        object.key = node.child_text("Key");
        object.etag = without_quotes(node.child_text("ETag"));
        object.size = size_of(node);
        if (object.key.empty()) without_key_or_size();
        const std::string modified = node.child_text("LastModified");
        if (!modified.empty()) object.modified = time_of(modified);
        page.objects.push_back(std::move(object));
    }
    return page;
}

S3VersionPage parse_version_page(std::string_view document) {
    const XmlNode root = parse_xml(document);
    if (root.name != "ListVersionsResult") unexpected(root, "ListVersionsResult");
    S3VersionPage page;
    page.is_truncated = root.child_text("IsTruncated") == "true";
    page.next_key = root.child_text("NextKeyMarker");
    page.next_id = root.child_text("NextVersionIdMarker");
    if (page.is_truncated && page.next_key.empty()) goes_on_nowhere();
    for (const XmlNode& node : root.children) {
        if (node.name != "Version" && node.name != "DeleteMarker") continue;
        S3Version version{.key = node.child_text("Key"),
                          .id = node.child_text("VersionId"),
                          .is_latest = node.child_text("IsLatest") == "true",
                          .is_delete_marker = node.name == "DeleteMarker"};
        if (!version.is_delete_marker) version.size = size_of(node);
        if (version.key.empty()) without_key_or_size();
        page.versions.push_back(std::move(version));
    }
    return page;
}

S3ErrorBody parse_error_body(std::string_view document) noexcept {
    try {
        const XmlNode root = parse_xml(document);
        if (root.name != "Error") return {};
        return {.code = root.child_text("Code"),
                .message = root.child_text("Message"),
                .region = root.child_text("Region")};
    } catch (const std::exception&) {
        return {};
    }
}

std::string parse_upload_id(std::string_view document) {
    const XmlNode root = parse_xml(document);
    if (root.name != "InitiateMultipartUploadResult") unexpected(root, "InitiateMultipartUploadResult");
    std::string id = root.child_text("UploadId");
    if (id.empty()) throw Error(ErrorKind::kDataLoss, "the server began an upload without an id");
    return id;
}

SystemTime parse_retention(std::string_view document) {
    return time_of(parse_xml(document).child_text("RetainUntilDate"));  // the root's name differs by server
}

std::string retention_body(std::string_view mode, std::string_view until) {
    return "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>" + std::string(mode) +
           "</Mode><RetainUntilDate>" + std::string(until) + "</RetainUntilDate></Retention>";
}

std::string complete_upload_body(const std::vector<S3Part>& parts) {
    std::string body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    for (const S3Part& part : parts) {
        body += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>&quot;" + part.etag +
                "&quot;</ETag>";
        if (!part.crc32.empty()) body += "<ChecksumCRC32>" + part.crc32 + "</ChecksumCRC32>";
        body += "</Part>";
    }
    return body + "</CompleteMultipartUpload>";
}

}  // namespace fencepost::location
