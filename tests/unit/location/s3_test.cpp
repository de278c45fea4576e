#include <catch2/catch.hpp>

#include <cstring>

#include <atomic>
#include <deque>
#include <fstream>
#include <iostream>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "base/guarded.h"
#include "location/checksum.h"
#include "location/location.h"
#include "location/s3_upload.h"
#include "location/s3_xml.h"
#include "tests/unit/location/error_of.h"
#include "tests/unit/location/s3_server.h"

using namespace fencepost;
using namespace fencepost::location;
using fencepost::testing::error_of;
using fencepost::testing::S3Server;
using fencepost::testing::TemporaryFolder;

namespace {

const CancelToken kNever;

// An HTTP server in memory: answers from a list, and remembers what it was asked.
class FakeHttp final : public net::HttpClient {
  public:
    struct Answer {
        net::HttpResponse response;
        std::string partial;  // given to the sink before `failure`
        std::optional<Error> failure;
    };
    net::HttpResponse request(net::HttpRequest request, const CancelToken& cancel) override {
        cancel.throw_if_cancelled();
        if (request.body_source) {
            char buffer[4096];
            while (const std::size_t piece = request.body_source(buffer, sizeof buffer)) {
                request.body.append(buffer, piece);
            }
        }
        requests.push_back(request);
        if (answers.empty()) throw Error(ErrorKind::kInternal, "no more answers");
        Answer answer = std::move(answers.front());
        answers.pop_front();
        if (request.body_sink && !answer.partial.empty()) request.body_sink(answer.partial);
        if (answer.failure) throw *answer.failure;
        if (request.body_sink && answer.response.status < 300) {
            request.body_sink(answer.response.body);
            answer.response.body.clear();
        }
        return answer.response;
    }
    std::deque<Answer> answers;
    std::vector<net::HttpRequest> requests;
};

// Does not wait.
class QuickClock final : public Clock {
  public:
    [[nodiscard]] SystemTime now() const override { return SystemTime{std::chrono::seconds{1'700'000'000}}; }
    [[nodiscard]] SteadyTime steady_now() const override { return {}; }
    void sleep(std::chrono::nanoseconds, const CancelToken& cancel) override { cancel.throw_if_cancelled(); }
};

ResolvedProfile profile_at(const std::string& endpoint, const std::string& bucket = "backups") {
    ResolvedProfile profile;
    profile.type = "s3Compliant";
    profile.bucket = bucket;
    profile.endpoint = endpoint;
    profile.region = "eu-west-1";
    profile.access_key_id = "id";
    profile.secret_access_key = Secret("secret");
    return profile;
}

std::string url_of(const std::string& endpoint, const std::string& bucket) {
    FakeHttp http;
    QuickClock clock;
    http.answers.push_back({.response = {.status = 200, .body = "x"}});
    static_cast<void>(open_location(profile_at(endpoint, bucket), http, clock)->get_bytes("a b/c+d", kNever));
    return http.requests.at(0).url;
}

FakeHttp::Answer status(int code, std::string body = {}, net::Headers headers = {}) {
    return {.response = {.status = code, .headers = std::move(headers), .body = std::move(body)}};
}

}  // namespace

TEST_CASE("an endpoint is spoken to in path style, AWS in virtual-host style") {
    CHECK(url_of("", "backups") == "https://backups.s3.eu-west-1.amazonaws.com/a%20b/c%2Bd");
    CHECK(url_of("", "dotted.name") == "https://s3.eu-west-1.amazonaws.com/dotted.name/a%20b/c%2Bd");
    CHECK(url_of("https://s3.us-east-2.amazonaws.com", "backups") ==
          "https://backups.s3.us-east-2.amazonaws.com/a%20b/c%2Bd");
    CHECK(url_of("http://10.0.0.5:9000", "backups") == "http://10.0.0.5:9000/backups/a%20b/c%2Bd");
    CHECK(url_of("https://minio.example.com:443/s3/", "backups") ==
          "https://minio.example.com/s3/backups/a%20b/c%2Bd");
    CHECK(url_of("minio.example.com", "backups") == "https://minio.example.com/backups/a%20b/c%2Bd");
    CHECK_THROWS_AS(url_of("ftp://example.com", "backups"), Error);
    CHECK_THROWS_AS(url_of("http://", "backups"), Error);
    CHECK_THROWS_AS(url_of("http://user@example.com", "backups"), Error);
    CHECK_THROWS_AS(url_of("http://example.com", "no/bucket"), Error);
}

TEST_CASE("checksums are the known ones") {
    Crc32 crc;
    crc.update("12345");
    crc.update("6789");
    CHECK(crc.value() == 0xCBF43926U);
    std::string long_text;
    for (int i = 0; i < 1000; ++i) long_text += std::to_string(i);
    Crc32 at_once;
    Crc32 in_pieces;
    at_once.update(long_text);
    for (const char c : long_text) in_pieces.update({&c, 1});
    CHECK(at_once.value() == in_pieces.value());
    for (const std::size_t split : {std::size_t{0}, std::size_t{1}, std::size_t{777}, long_text.size()}) {
        Crc32 front;
        Crc32 back;
        front.update(std::string_view(long_text).substr(0, split));
        back.update(std::string_view(long_text).substr(split));
        front.append(back, long_text.size() - split);
        CHECK(front.value() == at_once.value());
    }
    Sha256 sha;
    sha.update("ab");
    sha.update("c");
    CHECK(hex_encode(as_text(sha.finish())) == sha256_hex("abc"));
    CHECK(hex_encode(as_text(sha.finish())) == sha256_hex(""));
}

TEST_CASE("server errors are retried, the user's are not") {
    FakeHttp http;
    QuickClock clock;
    const auto location = open_location(profile_at("http://s3"), http, clock);
    http.answers = {status(503, "<Error><Code>SlowDown</Code></Error>"),
                    status(429),
                    status(500),
                    {.failure = Error(ErrorKind::kTimeout, "idle")},
                    status(200, "fine")};
    CHECK(location->get_bytes("k", kNever) == "fine");
    CHECK(http.requests.size() == 5);

    http.requests.clear();
    http.answers.assign(5, status(503));
    CHECK(error_of([&] { location->put_bytes("k", "x", {}, kNever); }).kind() == ErrorKind::kUnavailable);
    CHECK(http.requests.size() == 5);

    http.requests.clear();
    http.answers = {status(403, "<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>")};
    const Error wrong = error_of([&] { location->put_bytes("k", "x", {}, kNever); });
    CHECK(wrong.kind() == ErrorKind::kForbidden);
    CHECK(wrong.hint() == "the secret access key of the profile is wrong");
    CHECK(http.requests.size() == 1);
    for (const net::HttpRequest& request : http.requests) {
        for (const auto& [name, value] : request.headers) CHECK(value.find("secret") == std::string::npos);
    }
}

TEST_CASE("a body is sent again from its start") {
    FakeHttp http;
    QuickClock clock;
    const auto location = open_location(profile_at("http://s3"), http, clock);
    http.answers = {status(500), status(200, "", {{"ETag", "\"e\""}})};
    CHECK(location->put_bytes("k", "the body", {}, kNever).etag == "e");
    CHECK(http.requests.at(0).body == "the body");
    CHECK(http.requests.at(1).body == "the body");
}

TEST_CASE("a broken download goes on where it broke, and only of the same object") {
    FakeHttp http;
    QuickClock clock;
    const auto location = open_location(profile_at("http://s3"), http, clock);
    http.answers = {status(200, "", {{"content-length", "10"}, {"etag", "\"v1\""}}),
                    {.partial = "0123", .failure = Error(ErrorKind::kUnavailable, "reset")},
                    {.partial = "4", .failure = Error(ErrorKind::kUnavailable, "reset")},
                    status(206, "56789")};
    std::string got;
    location->get("k", [&](std::string_view piece) { got += piece; }, kNever);
    CHECK(got == "0123456789");
    const auto header = [&](std::size_t i, std::string_view name) {
        net::HttpResponse view;
        view.headers = http.requests.at(i).headers;
        return std::string(view.header(name));
    };
    CHECK(header(1, "range").empty());
    CHECK(header(2, "range") == "bytes=4-9");
    CHECK(header(3, "range") == "bytes=5-9");
    CHECK(header(3, "if-match") == "\"v1\"");
}

TEST_CASE("bytes that do not have the stored checksum are kDataLoss") {
    FakeHttp http;
    QuickClock clock;
    const auto location = open_location(profile_at("http://s3"), http, clock);
    Crc32 crc;
    crc.update("true bytes");
    const net::Headers headers = {
        {"content-length", "10"}, {"etag", "e"}, {"x-amz-checksum-crc32", crc.base64()}};
    http.answers = {status(200, "", headers), status(200, "TRUE bytes")};
    CHECK(error_of([&] { location->get("k", [](std::string_view) {}, kNever); }).kind() ==
          ErrorKind::kDataLoss);
    http.answers = {status(200, "TRUE bytes", headers)};
    CHECK(error_of([&] { static_cast<void>(location->get_bytes("k", kNever)); }).kind() ==
          ErrorKind::kDataLoss);
    http.answers = {status(200, "true bytes", headers)};
    CHECK(location->get_bytes("k", kNever) == "true bytes");
    http.answers = {status(200, "", {{"content-length", "10"}}), status(200, "short")};
    CHECK_THROWS_AS(location->get("k", [](std::string_view) {}, kNever), Error);
}

TEST_CASE("an error that hides in a 200 is one") {
    FakeHttp http;
    QuickClock clock;
    const auto location = open_location(profile_at("http://s3"), http, clock);
    const std::string begun =
        "<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>";
    const std::string hidden = "<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>";
    http.answers = {status(200, begun), status(200, "", {{"etag", "p1"}}), status(200, "", {{"etag", "p2"}})};
    for (int i = 0; i < 5; ++i) http.answers.push_back(status(200, hidden));
    http.answers.push_back(status(204));
    std::size_t left = kPartBytes;
    const Source source = [&](char* buffer, std::size_t size) {
        const std::size_t piece = std::min(size, left);
        std::memset(buffer, 'x', piece);
        left -= piece;
        return piece;
    };
    http.answers.erase(http.answers.begin() + 2);  // one part
    CHECK(error_of([&] { location->put("k", source, {}, kNever); }).kind() == ErrorKind::kUnavailable);
    CHECK(http.requests.back().method == "DELETE");
    CHECK(http.requests.back().url == "http://s3/backups/k?uploadId=u1");
}

TEST_CASE("a conditional put whose answer was lost knows its own object again") {
    FakeHttp http;
    QuickClock clock;
    const auto location = open_location(profile_at("http://s3"), http, clock);
    const std::string ours = base64_encode(as_text(sha256("ours")));
    http.answers = {{.failure = Error(ErrorKind::kUnavailable, "reset")},
                    status(412),
                    status(200, "", {{"x-amz-checksum-sha256", ours}})};
    CHECK(location->put_bytes("k", "ours", {.only_if_absent = true}, kNever).size == 4);
    http.answers = {{.failure = Error(ErrorKind::kUnavailable, "reset")},
                    status(412),
                    status(200, "", {{"x-amz-checksum-sha256", base64_encode(as_text(sha256("theirs")))}})};
    CHECK(error_of([&] { location->put_bytes("k", "ours", {.only_if_absent = true}, kNever); }).kind() ==
          ErrorKind::kAlreadyExists);
}

TEST_CASE("parts grow, so that 10,000 of them reach S3's largest object") {
    CHECK(part_bytes(1) == kPartBytes);
    CHECK(part_bytes(1'000) == kPartBytes);
    CHECK(part_bytes(1'001) == 2 * kPartBytes);
    std::uint64_t whole = 0;
    for (int number = 1; number <= kMaxParts; ++number) whole += part_bytes(number);
    CHECK(whole > (std::uint64_t{5} << 40U));
    CHECK(part_bytes(kMaxParts) <= (std::size_t{5} << 30U));
}

TEST_CASE("a list page without a way to the next is no page") {
    CHECK_THROWS_AS(parse_list_page("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"),
                    Error);
    CHECK_THROWS_AS(parse_list_page("<html/>"), Error);
    CHECK_THROWS_AS(parse_list_page("<ListBucketResult><Contents><Key>k</Key></Contents></ListBucketResult>"),
                    Error);
    CHECK(parse_error_body("<html>502</html>").code.empty());
    CHECK(parse_error_body("").code.empty());
}

TEST_CASE("a real server: the bucket is gone, the key is wrong, the secret is wrong") {
    if (S3Server::executable().empty()) {
        std::cout << "SKIPPED: S3's refusals (versitygw is not installed)\n";
        return;
    }
    S3Server server;
    SystemClock clock;
    const auto http = net::make_http_client();
    const auto attempt = [&](const ResolvedProfile& profile, const std::string& verb) {
        const auto location = open_location(profile, *http, clock);
        return error_of([&] {
            if (verb == "put") location->put_bytes("k", "x", {}, kNever);
            if (verb == "get") static_cast<void>(location->get_bytes("k", kNever));
            if (verb == "stream") location->get("k", [](std::string_view) {}, kNever);
            if (verb == "stat") static_cast<void>(location->stat("k", kNever));
            if (verb == "list") location->list("", [](const ObjectStat&) {}, kNever);
        });
    };
    for (const std::string verb : {"put", "get", "stream", "stat", "list"}) {
        CAPTURE(verb);
        ResolvedProfile gone = server.profile("p");
        gone.bucket = "no-such-bucket";
        const Error no_bucket = attempt(gone, verb);
        CHECK(no_bucket.kind() == ErrorKind::kNotFound);
        CHECK(no_bucket.message().find("the bucket 'no-such-bucket' does not exist") == 0);

        ResolvedProfile key = server.profile("p");
        key.access_key_id = "nobody";
        const Error no_key = attempt(key, verb);
        CAPTURE(no_key.what());
        CHECK(no_key.kind() == ErrorKind::kForbidden);
        if (verb == "put") CHECK(no_key.hint() == "the server does not know the profile's access key");

        ResolvedProfile secret = server.profile("p");
        secret.secret_access_key = Secret("not-the-secret-key");
        const Error no_secret = attempt(secret, verb);
        CHECK(no_secret.kind() == ErrorKind::kForbidden);
        CHECK(std::string(no_secret.what()).find("not-the-secret-key") == std::string::npos);
        if (verb == "put") CHECK(no_secret.hint() == "the secret access key of the profile is wrong");
    }
}

TEST_CASE("a real server: bytes that rot in the store are found when they are read") {
    if (S3Server::executable().empty()) {
        std::cout << "SKIPPED: rotten bytes in S3 (versitygw is not installed)\n";
        return;
    }
    S3Server server;
    SystemClock clock;
    const auto http = net::make_http_client();
    const auto location = open_location(server.profile("p"), *http, clock);
    for (const std::size_t size : {std::size_t{100'000}, kPartBytes * 2 + 5}) {
        std::size_t left = size;
        location->put(
            "k",
            [&](char* buffer, std::size_t room) {
                const std::size_t piece = std::min(room, left);
                std::memset(buffer, 'x', piece);
                left -= piece;
                return piece;
            },
            {}, kNever);
        std::uint64_t got = 0;
        location->get("k", [&](std::string_view piece) { got += piece.size(); }, kNever);
        CHECK(got == size);
        {
            std::fstream file(server.bucket_folder() / "p" / "k",
                              std::ios::in | std::ios::out | std::ios::binary);
            file.seekp(777);
            file.put('y');
        }
        CHECK(error_of([&] { location->get("k", [](std::string_view) {}, kNever); }).kind() ==
              ErrorKind::kDataLoss);
    }
}

TEST_CASE("a real server with a certificate of its own CA is trusted by that CA only") {
    TemporaryFolder folder;
    const std::string key = (folder.path() / "key.pem").string();
    const std::string certificate = (folder.path() / "cert.pem").string();
    const std::string make =
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test -addext "
        "subjectAltName=IP:127.0.0.1 -keyout " +
        key + " -out " + certificate + " 2>/dev/null";
    if (S3Server::executable().empty() || std::system(make.c_str()) != 0) {
        std::cout << "SKIPPED: S3 with TLS (versitygw or openssl is not installed)\n";
        return;
    }
    S3Server server({.certificate_file = certificate, .key_file = key});
    SystemClock clock;
    const auto http = net::make_http_client();
    ResolvedProfile profile = server.profile("p", true);
    CHECK(error_of([&] { open_location(profile, *http, clock)->put_bytes("k", "x", {}, kNever); }).kind() ==
          ErrorKind::kForbidden);
    profile.ca_bundle_pem = read_file(certificate);
    open_location(profile, *http, clock)->put_bytes("k", "with the CA", {}, kNever);
    profile.ca_bundle_pem.clear();
    profile.skip_ssl_verify = true;
    CHECK(open_location(profile, *http, clock)->get_bytes("k", kNever) == "with the CA");
}
