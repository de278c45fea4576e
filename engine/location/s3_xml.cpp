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

}  // namespace

S3ListPage parse_list_page(std::string_view document) {
    const XmlNode root = parse_xml(document);
    if (root.name != "ListBucketResult") unexpected(root, "ListBucketResult");
    S3ListPage page;
    page.is_truncated = root.child_text("IsTruncated") == "true";
    page.next_token = root.child_text("NextContinuationToken");
    if (page.is_truncated && page.next_token.empty()) {
        throw Error(ErrorKind::kDataLoss, "the server's list of objects goes on, but it does not say where");
    }
    for (const XmlNode& node : root.children) {
        if (node.name != "Contents") continue;
        ObjectStat object;
        object.key = node.child_text("Key");
        object.etag = without_quotes(node.child_text("ETag"));
        const std::string size = node.child_text("Size");
        const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), object.size);
        if (object.key.empty() || error != std::errc{} || end != size.data() + size.size()) {
            throw Error(ErrorKind::kDataLoss, "the server's list has an object without a key or a size");
        }
        const std::string modified = node.child_text("LastModified");
        try {
            if (!modified.empty()) object.modified = parse_rfc3339(modified);
        } catch (const Error&) {
            throw Error(ErrorKind::kDataLoss, "the server's list has the time '" + modified + "'");
        }
        page.objects.push_back(std::move(object));
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
