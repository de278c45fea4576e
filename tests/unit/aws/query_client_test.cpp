#include "aws/query_client.h"

#include <catch2/catch.hpp>
#include <deque>

#include "aws/rds.h"
#include "aws/sigv4.h"
#include "aws/sts.h"
#include "base/encodings.h"
#include "base/files.h"
#include "tests/unit/location/error_of.h"

namespace fencepost::aws {

using Catch::Contains;
using Catch::EndsWith;
using testing::error_of;

namespace {

const CancelToken kNever;

// AWS as a list of answers; remembers what it was asked.
class Answers final : public net::HttpClient {
  public:
    net::HttpResponse request(net::HttpRequest request, const CancelToken& cancel) override {
        cancel.throw_if_cancelled();
        requests.push_back(std::move(request));
        if (answers.empty()) throw Error(ErrorKind::kInternal, "no more answers");
        net::HttpResponse answer = std::move(answers.front());
        answers.pop_front();
        return answer;
    }
    void refuse(int status, const std::string& code, const std::string& message = "why") {
        answers.push_back({.status = status,
                           .headers = {},
                           .body = "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error>"
                                   "<Type>Sender</Type><Code>" +
                                   code + "</Code><Message>" + message +
                                   "</Message></Error></ErrorResponse>"});
    }
    void answer(const std::string& action, const std::string& result = "") {
        answers.push_back({.status = 200,
                           .headers = {},
                           .body = "<" + action + "Response><" + action + "Result>" + result + "</" + action +
                                   "Result></" + action + "Response>"});
    }
    std::deque<net::HttpResponse> answers;
    std::vector<net::HttpRequest> requests;
};

class QuickClock final : public Clock {
  public:
    [[nodiscard]] SystemTime now() const override { return parse_rfc3339("2015-08-30T12:36:00Z"); }
    [[nodiscard]] SteadyTime steady_now() const override { return {}; }
    void sleep(std::chrono::nanoseconds, const CancelToken& cancel) override { cancel.throw_if_cancelled(); }
};

struct World {
    Answers http;
    QuickClock clock;
    [[nodiscard]] QueryClient client(std::string region = "eu-west-1", std::string endpoint = "") {
        return {{.name = "rds",
                 .version = "2014-10-31",
                 .region = std::move(region),
                 .endpoint = std::move(endpoint),
                 .credentials = Credentials{"AKIDEXAMPLE", Secret("of nobody"), Secret("a session")}},
                http,
                clock};
    }
    ErrorKind kind_of(int status, const std::string& code) {
        http.refuse(status, code);
        return error_of([&] { (void)client().call("CreateDBSnapshot", {}, kNever); }).kind();
    }
};

std::string header(const net::HttpRequest& request, std::string_view name) {
    for (const auto& [key, value] : request.headers) {
        if (key == name) return value;
    }
    return {};
}

}  // namespace

TEST_CASE("a posted form is signed as in Amazon's test suite") {
    const SigningKey key{.access_key_id = "AKIDEXAMPLE",
                         .secret_access_key = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                         .region = "us-east-1",
                         .service = "service"};
    const Signable form{.method = "POST",
                        .path = "/",
                        .query = {},
                        .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                                    {"Host", "example.amazonaws.com"},
                                    {"X-Amz-Date", "20150830T123600Z"}},
                        .payload_sha256 = sha256_hex("Param1=value1")};
    CHECK_THAT(sign_v4(form, key, parse_rfc3339("2015-08-30T12:36:00Z")),
               Contains("ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"));
}

TEST_CASE("a call posts its parameters to the region's host, and reads the result") {
    World world;
    world.http.answer("DescribeThings", "<Thing><Name>one</Name></Thing>");
    const XmlNode result =
        world.client().call("DescribeThings", {{"Name", "a b&c"}, {"Absent", ""}, {"Ids.Id.1", "x"}}, kNever);
    CHECK(result.child("Thing")->child_text("Name") == "one");
    const net::HttpRequest& request = world.http.requests.at(0);
    CHECK(request.method == "POST");
    CHECK(request.url == "https://rds.eu-west-1.amazonaws.com/");
    CHECK(request.body == "Action=DescribeThings&Ids.Id.1=x&Name=a%20b%26c&Version=2014-10-31");
    CHECK_THAT(header(request, "authorization"),
               Contains("Credential=AKIDEXAMPLE/20150830/eu-west-1/rds/aws4_request") &&
                   Contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token"));
    CHECK(header(request, "x-amz-security-token") == "a session");
    for (const auto& [name, value] : request.headers) CHECK_THAT(value, !Contains("of nobody"));

    world.http.answer("X");
    (void)world.client("cn-north-1").call("X", {}, kNever);
    CHECK(world.http.requests.back().url == "https://rds.cn-north-1.amazonaws.com.cn/");
    world.http.answer("X");
    (void)world.client("eu-west-1", "http://127.0.0.1:5000/rds/").call("X", {}, kNever);
    CHECK(world.http.requests.back().url == "http://127.0.0.1:5000/rds/");
    CHECK(header(world.http.requests.back(), "host") == "127.0.0.1:5000");
}

TEST_CASE("a region that is none, or an endpoint, is refused before anything is sent") {
    World world;
    for (const char* region : {"", "eu west", "a/b", "evil.example.com"}) {
        CHECK(error_of([&] { (void)world.client(region); }).kind() == ErrorKind::kInvalid);
    }
    const Error wrong = error_of([&] { (void)world.client("eu-west-1", "ftp://x"); });
    CHECK_THAT(wrong.message(), Contains("AWS_ENDPOINT_URL 'ftp://x' is no endpoint"));
    CHECK(world.http.requests.empty());
}

TEST_CASE("refusals name AWS' code, and their kind is what it says") {
    World world;
    CHECK(world.kind_of(404, "DBInstanceNotFound") == ErrorKind::kNotFound);
    CHECK(world.kind_of(404, "DBClusterNotFoundFault") == ErrorKind::kNotFound);
    CHECK(world.kind_of(400, "DBSnapshotAlreadyExists") == ErrorKind::kAlreadyExists);
    CHECK(world.kind_of(400, "DBClusterSnapshotAlreadyExistsFault") == ErrorKind::kAlreadyExists);
    CHECK(world.kind_of(400, "InvalidDBInstanceState") == ErrorKind::kConflict);
    CHECK(world.kind_of(400, "InvalidDBClusterStateFault") == ErrorKind::kConflict);
    CHECK(world.kind_of(400, "SnapshotQuotaExceeded") == ErrorKind::kExhausted);
    CHECK(world.kind_of(400, "InsufficientDBInstanceCapacity") == ErrorKind::kExhausted);
    CHECK(world.kind_of(400, "InvalidParameterCombination") == ErrorKind::kInvalid);
    CHECK(world.kind_of(403, "SignatureDoesNotMatch") == ErrorKind::kForbidden);
    world.http.refuse(403, "AccessDenied", "User: x is not authorized");
    const Error denied = error_of([&] { (void)world.client().call("CreateDBSnapshot", {}, kNever); });
    CHECK(denied.message() ==
          "AWS rds CreateDBSnapshot at rds.eu-west-1.amazonaws.com: AccessDenied: User: x "
          "is not authorized");
    CHECK(denied.hint() == "the key's policy must allow rds:CreateDBSnapshot");
    world.http.answers.push_back({.status = 403,
                                  .headers = {},
                                  .body =
                                      "<Response><Errors><Error><Code>AuthFailure</Code><Message>no</Message>"
                                      "</Error></Errors></Response>"});
    CHECK_THAT(error_of([&] { (void)world.client().call("X", {}, kNever); }).message(),
               Contains("AuthFailure: no"));
    world.http.answers.push_back({.status = 403, .headers = {}, .body = "<html>a proxy's<br></html>"});
    CHECK_THAT(error_of([&] { (void)world.client().call("X", {}, kNever); }).message(), Contains("HTTP 403"));
    world.http.answers.push_back({.status = 200, .headers = {}, .body = "no XML"});
    CHECK(error_of([&] { (void)world.client().call("X", {}, kNever); }).kind() == ErrorKind::kDataLoss);
}

TEST_CASE("what is throttled is tried again, ten times at most") {
    World world;
    world.http.refuse(400, "Throttling", "Rate exceeded");
    world.http.refuse(503, "ServiceUnavailable");
    world.http.answer("X");
    (void)world.client().call("X", {}, kNever);
    CHECK(world.http.requests.size() == 3);
    for (int i = 0; i < 20; ++i) world.http.refuse(400, "RequestLimitExceeded");
    const Error error = error_of([&] { (void)world.client().call("X", {}, kNever); });
    CHECK(error.kind() == ErrorKind::kUnavailable);
    CHECK_THAT(error.what(), Contains("after 10 attempts") && Contains("RequestLimitExceeded"));
    CHECK(world.http.requests.size() == 13);
}

TEST_CASE("databases and snapshots are read as AWS describes them") {
    World world;
    const Rds rds(world.client());
    world.http.answer(
        "DescribeDBInstances",
        "<DBInstances><DBInstance><DBInstanceStatus>available</DBInstanceStatus><EngineVersion>15.4"
        "</EngineVersion><Endpoint><Address>db.example.com</Address><Port>5432</Port></Endpoint>"
        "<VpcSecurityGroups><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-1</VpcSecurityGroupId>"
        "</VpcSecurityGroupMembership><VpcSecurityGroupMembership><VpcSecurityGroupId>sg-2"
        "</VpcSecurityGroupId></VpcSecurityGroupMembership></VpcSecurityGroups><DBSubnetGroup>"
        "<DBSubnetGroupName>apps</DBSubnetGroupName></DBSubnetGroup><InstanceCreateTime>"
        "2026-11-21T20:34:44.154Z</InstanceCreateTime></DBInstance></DBInstances>");
    const auto instance = rds.find(DatabaseKind::kInstance, "db", kNever);
    REQUIRE(instance);
    CHECK(instance->status == "available");
    CHECK(instance->address + ":" + instance->port == "db.example.com:5432");
    CHECK(instance->security_groups == std::vector<std::string>{"sg-1", "sg-2"});
    CHECK(instance->subnet_group == "apps");
    CHECK(instance->created > parse_rfc3339("2026-11-21T20:34:44Z"));

    world.http.answer("DescribeDBClusters",
                      "<DBClusters><DBCluster><Status>creating</Status><DBSubnetGroup>apps</DBSubnetGroup>"
                      "<DBClusterMembers><DBClusterMember><DBInstanceIdentifier>m-1</DBInstanceIdentifier>"
                      "</DBClusterMember></DBClusterMembers></DBCluster></DBClusters>");
    const auto cluster = rds.find(DatabaseKind::kCluster, "c", kNever);
    REQUIRE(cluster);
    CHECK(cluster->members == std::vector<std::string>{"m-1"});
    CHECK(cluster->security_groups.empty());
    CHECK_FALSE(cluster->created);

    world.http.refuse(404, "DBSnapshotNotFound");
    CHECK_FALSE(rds.find_snapshot(DatabaseKind::kInstance, "s", kNever));
    world.http.refuse(403, "AccessDenied");
    CHECK_THROWS_AS(rds.find_snapshot(DatabaseKind::kInstance, "s", kNever), Error);
    world.http.answer("DescribeDBInstances",
                      "<DBInstances><DBInstance><InstanceCreateTime>yesterday</InstanceCreateTime>"
                      "</DBInstance></DBInstances>");
    CHECK(error_of([&] { (void)rds.find(DatabaseKind::kInstance, "db", kNever); }).kind() ==
          ErrorKind::kDataLoss);
}

TEST_CASE("a service account's token buys credentials of its role, without a signature") {
    World world;
    const Sts sts{"eu-west-1", "", world.http, world.clock};
    Environment environment = read_environment([](const std::string& name) -> std::optional<std::string> {
        if (name == "AWS_ENDPOINT_URL") return "http://all";
        if (name == "AWS_ENDPOINT_URL_RDS") return "http://rds-alone";
        if (name == "AWS_DEFAULT_REGION") return "eu-west-1";
        if (name == "AWS_REGION") return "";
        return std::nullopt;
    });
    CHECK(environment.rds_endpoint == "http://rds-alone");
    CHECK(environment.sts_endpoint == "http://all");
    CHECK(environment.region == "eu-west-1");
    CHECK(error_of([&] { (void)assume_role_of_service_account(sts, environment, kNever); }).kind() ==
          ErrorKind::kFailedPrecondition);

    environment.role_arn = "arn:aws:iam::1:role/backup";
    environment.web_identity_token_file = "/tmp/fencepost-token-" + random_uuid();
    write_file_durably(environment.web_identity_token_file, "a.token\n");
    const std::string given =
        "<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        "<SessionToken>t</SessionToken></Credentials>";
    world.http.answer("AssumeRoleWithWebIdentity", given);
    const Credentials credentials = assume_role_of_service_account(sts, environment, kNever);
    std::remove(environment.web_identity_token_file.c_str());
    CHECK(credentials.access_key_id == "ASIA");
    CHECK(credentials.session_token.reveal() == "t");
    CHECK(world.http.requests.at(0).url == "https://sts.eu-west-1.amazonaws.com/");
    CHECK_THAT(world.http.requests.at(0).body, EndsWith("WebIdentityToken=a.token"));
    CHECK(header(world.http.requests.at(0), "authorization").empty());

    world.http.answer("AssumeRole", given);
    (void)assume_role(sts, credentials, "arn:x", kNever);
    CHECK_THAT(header(world.http.requests.at(1), "authorization"), Contains("/eu-west-1/sts/aws4_request"));
    world.http.answer("AssumeRole");
    CHECK(error_of([&] { (void)assume_role(sts, credentials, "arn:x", kNever); }).kind() ==
          ErrorKind::kDataLoss);
}

}  // namespace fencepost::aws
