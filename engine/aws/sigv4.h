// AWS Signature Version 4 of one request, in the Authorization header; the one signer of S3, RDS and STS.
// Pure: the time is given. S3's rules: the path is encoded once, and not normalised. The caller sends exactly
// the headers that were signed.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "net/http_client.h"

namespace fencepost::aws {

struct SigningKey {
    std::string access_key_id;
    Secret secret_access_key;
    std::string region;
    std::string service = "s3";
};

struct Signable {
    std::string method;
    std::string path;                                        // encoded, starts with '/'
    std::vector<std::pair<std::string, std::string>> query;  // not encoded
    net::Headers headers;        // all that shall be signed, host and x-amz-date among them
    std::string payload_sha256;  // hex
};

[[nodiscard]] std::string amz_date(SystemTime time);  // "20130524T000000Z"
// "a=1&b=x%20y", sorted, as it is signed and sent.
[[nodiscard]] std::string encode_query(std::vector<std::pair<std::string, std::string>> query);
// The value of the Authorization header.
[[nodiscard]] std::string sign_v4(const Signable& request, const SigningKey& key, SystemTime time);

}  // namespace fencepost::aws
