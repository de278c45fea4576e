#include <catch2/catch.hpp>

#include <map>

#include "location/address.h"
#include "tests/unit/location/error_of.h"

using namespace fencepost;
using namespace fencepost::location;
using fencepost::testing::error_of;

namespace {

EnvironmentVariable environment(std::map<std::string, std::string> variables) {
    return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
}

}  // namespace

TEST_CASE("a URI names a folder, or a bucket and a prefix") {
    CHECK(parse_uri("file:///srv/archive").file_path == "/srv/archive");
    const ResolvedProfile s3 = parse_uri("s3://backups/pg/one/");
    CHECK(s3.type == "s3Compliant");
    CHECK(s3.bucket == "backups");
    CHECK(s3.prefix == "pg/one");
    CHECK(parse_uri("s3://backups").prefix.empty());
}

TEST_CASE("a URI that cannot be meant is refused, with what is wrong with it") {
    const std::pair<const char*, const char*> cases[] = {
        {"s3://<S3_bucket_here", "placeholder"},
        {"s3://${bucket_name}/x", "placeholder"},
        {"\"s3://backups/x", "quote"},
        {"s3://backups/x'", "quote"},
        {"s3://backups/x y", "blank"},
        {"s3://", "names no bucket"},
        {"s3:///prefix", "names no bucket"},
        {"/srv/archive", "neither"},
        {"file://srv/archive", "no absolute"},
        {"gs://backups", "neither"},
        {"", "neither"},
    };
    for (const auto& [uri, why] : cases) {
        INFO(uri);
        const Error error = error_of([text = uri] { static_cast<void>(parse_uri(text)); });
        CHECK(error.kind() == ErrorKind::kInvalid);
        CHECK(std::string(error.what()).find(why) != std::string::npos);
    }
    CHECK(error_of([] { static_cast<void>(parse_uri("s3://backups/../x")); }).kind() == ErrorKind::kInvalid);
}

TEST_CASE("a credentials file is read as AWS' tools read it") {
    const KeyPair pair = parse_credentials(
        "# mine\n[other]\naws_access_key_id=o\n\n[default]\r\naws_access_key_id = AKIAABCDEFGHIJKLMNOP \n"
        "AWS_Secret_Access_Key=0123456789012345678901234567890123456789\nregion = eu-central-1\n",
        "credentials", "default");
    CHECK(pair.access_key_id == "AKIAABCDEFGHIJKLMNOP");
    CHECK(pair.secret_access_key.reveal().size() == 40);
}

TEST_CASE("mistakes in a credentials file are told by their place") {
    struct Case {
        const char* text;
        int line;
        const char* why;
    };
    const Case cases[] = {
        {"[default]\naws_access_key_id=<s3 access key id>\naws_secret_access_key=x\n", 2, "placeholder"},
        {"[default]\naws_access_key_id=AKIAABCDEFGHIJKLMNOP\n"
         "aws_secret_access_key=v0123456789012345678901234567890123456789\n",
         3, "41 characters"},
        {"[default]\naws_access_key_id=\"abc\"\n", 2, "quote"},
        {"[default\naws_access_key_id=abc\n", 1, "not closed"},
        {"[default]\naws_access_key_id abc\n", 2, "neither"},
        {"aws_access_key_id=abc\n", 1, "before the first"},
        {"[default]\naws_access_key_id=\n", 2, "no value"},
        {"[default]\naws_access_key_id=a b\n", 2, "blank"},
    };
    for (const Case& each : cases) {
        INFO(each.text);
        const Error error =
            error_of([&] { static_cast<void>(parse_credentials(each.text, "creds", "default")); });
        CHECK(error.kind() == ErrorKind::kInvalid);
        CHECK(std::string(error.what()).find(each.why) != std::string::npos);
        REQUIRE(error.position());
        CHECK(error.position()->file == "creds");
        CHECK(error.position()->line == each.line);
        CHECK(std::string(error.what()).find("0123456789") == std::string::npos);
    }
    CHECK(std::string(error_of([] { static_cast<void>(parse_credentials("[a]\n", "c", "default")); }).what())
              .find("no section [default]") != std::string::npos);
    CHECK(std::string(
              error_of([] { static_cast<void>(parse_credentials("[default]\n", "c", "default")); }).what())
              .find("no aws_access_key_id") != std::string::npos);
}

TEST_CASE("an address leaves to the environment what it does not say") {
    const auto keys = environment({{"FENCEPOST_LOCATION", "s3://backups/pg1"},
                                   {"AWS_ACCESS_KEY_ID", "id"},
                                   {"AWS_SECRET_ACCESS_KEY", "secret"},
                                   {"AWS_REGION", "eu-central-1"},
                                   {"AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000"}});
    const ResolvedProfile profile = resolve({}, keys);
    CHECK(profile.bucket == "backups");
    CHECK(profile.region == "eu-central-1");
    CHECK(profile.endpoint == "http://127.0.0.1:9000");
    CHECK(profile.access_key_id == "id");
    CHECK(resolve({.uri = "file:///srv"}, keys).file_path == "/srv");
    CHECK(resolve({}, environment(
                          {{"FENCEPOST_PROFILE", R"({"Location": {"type": "filestore", "path": "/srv"}})"}}))
              .file_path == "/srv");
    CHECK(error_of([] { static_cast<void>(resolve({}, environment({}))); }).kind() == ErrorKind::kInvalid);
    CHECK(error_of([] { static_cast<void>(resolve({.uri = "s3://backups"}, environment({}))); }).kind() ==
          ErrorKind::kInvalid);
}
