#include <catch2/catch.hpp>

#include "base/error.h"
#include "location/location.h"
#include "value/json.h"

using namespace fencepost;
using namespace fencepost::location;

namespace {

Error error_of(const std::string& json) {
    try {
        static_cast<void>(ResolvedProfile::from_json(parse_json(json)));
    } catch (const Error& error) {
        return error;
    }
    FAIL("nothing was thrown");
    return {ErrorKind::kInternal, ""};
}

}  // namespace

TEST_CASE("a profile is read as Kanister writes it") {
    const auto profile = ResolvedProfile::from_json(parse_json(
        R"({"Location":{"type":"s3Compliant","bucket":"b","endpoint":"http://e:9","prefix":"p/q","region":"r"},
            "Credential":{"Type":"keyPair","KeyPair":{"ID":"id","Secret":"s"},"Secret":null,"KopiaServerSecret":null},
            "SkipSSLVerify":true})"));
    CHECK(profile.type == "s3Compliant");
    CHECK(profile.bucket == "b");
    CHECK(profile.endpoint == "http://e:9");
    CHECK(profile.prefix == "p/q");
    CHECK(profile.region == "r");
    CHECK(profile.access_key_id == "id");
    CHECK(profile.secret_access_key.reveal() == "s");
    CHECK(profile.skip_ssl_verify);
    CHECK(profile.repository_key.is_empty());
}

TEST_CASE("the members of a profile are found whatever their case") {
    const auto profile = ResolvedProfile::from_json(parse_json(
        R"({"LOCATION":{"TYPE":"s3compliant","Bucket":"b"},"credential":{"type":"keyPair","keypair":{"id":"id","SECRET":"s",
            "sessionToken":"t"}},"caBundle":"PEM","repositoryKey":"k"})"));
    CHECK(profile.bucket == "b");
    CHECK(profile.session_token.reveal() == "t");
    CHECK(profile.ca_bundle_pem == "PEM");
    CHECK(profile.repository_key.reveal() == "k");
}

TEST_CASE("a profile may carry the whole credential Secret") {
    const auto profile = ResolvedProfile::from_json(parse_json(
        R"({"Location":{"type":"s3Compliant","bucket":"b"},"Credential":{"Type":"secret","Secret":{"metadata":{"name":"n"},
            "type":"secrets.kanister.io/aws","data":{"aws_access_key_id":"aWQ=","aws_secret_access_key":"c2VjcmV0"}}}})"));
    CHECK(profile.access_key_id == "id");
    CHECK(profile.secret_access_key.reveal() == "secret");
}

TEST_CASE("a profile may ask for an object lock") {
    const auto profile = [](const std::string& period) {
        return R"({"Location":{"type":"s3Compliant","bucket":"b"},"Credential":{"KeyPair":{"ID":"i","Secret":"s"}},"ProtectionPeriod":")" +
               period + R"("})";
    };
    CHECK(ResolvedProfile::from_json(parse_json(profile("720h"))).protection_period ==
          std::chrono::hours(720));
    CHECK(ResolvedProfile::from_json(parse_json(profile(""))).protection_period.count() == 0);
    CHECK(error_of(profile("thirty days")).kind() == ErrorKind::kInvalid);
    CHECK(error_of(profile("-1h")).message().find("protectionPeriod") != std::string::npos);
    CHECK(error_of(profile("1ms")).kind() == ErrorKind::kInvalid);
}

TEST_CASE("a file store needs no credential") {
    const auto profile = ResolvedProfile::from_json(parse_json(
        R"({"Location":{"type":"filestore","path":"/srv/backups","prefix":"p"},"RepositoryKey":"k"})"));
    CHECK(profile.type == "filestore");
    CHECK(profile.file_path == "/srv/backups");
    CHECK(profile.repository_key.reveal() == "k");
}

TEST_CASE("a profile that cannot work says why") {
    const auto s3 = [](const std::string& credential) {
        return R"({"Location":{"type":"s3Compliant","bucket":"b"},"Credential":)" + credential + "}";
    };
    CHECK(error_of("[]").kind() == ErrorKind::kInvalid);
    CHECK(error_of(R"({"Location":{"type":"gcs"}})").kind() == ErrorKind::kUnsupported);
    CHECK(error_of(R"({"Location":{"type":"kopia"}})").kind() == ErrorKind::kUnsupported);
    CHECK(error_of(R"({})").kind() == ErrorKind::kUnsupported);
    CHECK(error_of(R"({"Location":{"type":"s3Compliant"}})").message() ==
          "profile: location.bucket is empty");
    CHECK(error_of(R"({"Location":{"type":"s3Compliant","bucket":1}})").message() ==
          "profile: 'bucket' must be a string");
    CHECK(error_of(R"({"Location":{"type":"filestore","path":"relative"}})").kind() == ErrorKind::kInvalid);
    CHECK(error_of(R"({"Location":{"type":"filestore","path":"/srv"},"ProtectionPeriod":"1h"})").kind() ==
          ErrorKind::kInvalid);
    CHECK(error_of(s3("null")).kind() == ErrorKind::kInvalid);
    CHECK(error_of(s3(R"({"Type":"keyPair","KeyPair":{"ID":"id","Secret":""}})")).kind() ==
          ErrorKind::kInvalid);
    CHECK(error_of(s3(R"({"Type":"kopia"})")).kind() == ErrorKind::kUnsupported);
    CHECK(error_of(s3(R"({"Type":"secret","Secret":{"type":"Opaque"}})")).kind() == ErrorKind::kUnsupported);
    CHECK(
        error_of(
            s3(R"({"Type":"secret","Secret":{"type":"secrets.kanister.io/aws","data":{"role":"cm9sZQ=="}}})"))
            .kind() == ErrorKind::kUnsupported);
}

TEST_CASE("prefix and path join as a file system's names do, behind a wall") {
    CHECK(join_key("a/b", "c") == "a/b/c");
    CHECK(join_key("/a//b/", "/c//d/") == "a/b/c/d");
    CHECK(join_key("", "c") == "c");
    CHECK(join_key("a", "") == "a");
    CHECK(join_key("a", "./b/../c") == "a/c");
    CHECK(join_key("", "") == "");
    CHECK_THROWS_AS(join_key("a/b", "../c"), Error);
    CHECK_THROWS_AS(join_key("a/b", "c/../../d"), Error);
    CHECK_THROWS_AS(join_key("..", "c"), Error);
}
