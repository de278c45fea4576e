#include "aws/sigv4.h"

#include <algorithm>

#include "base/ascii.h"
#include "base/encodings.h"

namespace fencepost::aws {
namespace {

std::string hmac(std::string_view key, std::string_view text) {
    const auto digest = hmac_sha256(key, text);
    return {digest.begin(), digest.end()};
}

}  // namespace

std::string amz_date(SystemTime time) {
    std::string text = format_rfc3339(time);  // 2013-05-24T00:00:00Z
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return text;
}

std::string encode_query(std::vector<std::pair<std::string, std::string>> query) {
    for (auto& [name, value] : query) {
        name = url_encode(name);
        value = url_encode(value);
    }
    std::sort(query.begin(), query.end());
    std::string text;
    for (const auto& [name, value] : query) text += (text.empty() ? "" : "&") + name + "=" + value;
    return text;
}

std::string sign_v4(const Signable& request, const SigningKey& key, SystemTime time) {
    net::Headers headers = request.headers;
    for (auto& [name, value] : headers) name = ascii_lower(name);
    std::sort(headers.begin(), headers.end());
    std::string lines;
    std::string names;
    for (const auto& [name, value] : headers) {
        lines += name + ":" + value + "\n";
        names += (names.empty() ? "" : ";") + name;
    }
    const std::string canonical = request.method + "\n" + request.path + "\n" + encode_query(request.query) +
                                  "\n" + lines + "\n" + names + "\n" + request.payload_sha256;
    const std::string stamp = amz_date(time);
    const std::string day = stamp.substr(0, 8);
    const std::string scope = day + "/" + key.region + "/" + key.service + "/aws4_request";
    const std::string to_sign = "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + sha256_hex(canonical);
    const std::string derived =
        hmac(hmac(hmac(hmac("AWS4" + key.secret_access_key.reveal(), day), key.region), key.service),
             "aws4_request");
    return "AWS4-HMAC-SHA256 Credential=" + key.access_key_id + "/" + scope + ",SignedHeaders=" + names +
           ",Signature=" + hex_encode(hmac(derived, to_sign));
}

}  // namespace fencepost::aws
