#include "aws/sigv4.h"

#include <catch2/catch.hpp>

#include "base/encodings.h"

namespace fencepost::aws {

namespace {

// The credentials and the time of the examples in Amazon's "Signature Calculations for the Authorization
// Header".
std::string signature(Signable request) {
    const SigningKey key{.access_key_id = "AKIAIOSFODNN7EXAMPLE",
                         .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
                         .region = "us-east-1"};
    request.headers.emplace_back("Host", "examplebucket.s3.amazonaws.com");
    request.headers.emplace_back("x-amz-content-sha256", request.payload_sha256);
    request.headers.emplace_back("x-amz-date", "20130524T000000Z");
    const std::string header = sign_v4(request, key, parse_rfc3339("2013-05-24T00:00:00Z"));
    return header.substr(header.rfind('=') + 1);
}

}  // namespace

TEST_CASE("requests are signed as in Amazon's examples") {
    const std::string empty = sha256_hex("");
    CHECK(signature({.method = "GET",
                     .path = "/test.txt",
                     .headers = {{"Range", "bytes=0-9"}},
                     .payload_sha256 = empty}) ==
          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    CHECK(signature({.method = "PUT",
                     .path = "/test%24file.text",
                     .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                     .payload_sha256 = sha256_hex("Welcome to Amazon S3.")}) ==
          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    CHECK(signature({.method = "GET", .path = "/", .query = {{"lifecycle", ""}}, .payload_sha256 = empty}) ==
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    CHECK(signature({.method = "GET",
                     .path = "/",
                     .query = {{"prefix", "J"}, {"max-keys", "2"}},
                     .payload_sha256 = empty}) ==
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

}  // namespace fencepost::aws
