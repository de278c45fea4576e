#include "base/encodings.h"

#include <catch2/catch.hpp>

#include "base/error.h"

using namespace fencepost;
using namespace std::chrono_literals;

TEST_CASE("base64 follows RFC 4648's vectors both ways") {
    const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"},
                                                           {std::string("\xff\xfe\x00", 3), "//4A"}};
    for (const auto& [bytes, text] : vectors) {
        CHECK(base64_encode(bytes) == text);
        CHECK(base64_decode(text) == bytes);
    }
    CHECK(base64_decode("Zm9v\nYmFy\n") == "foobar");
    for (const char* bad : {"Zg", "Zg=", "Z", "Zm9v=", "Zm9*", "=Zm9", "Zg==Zg=="})
        CHECK_THROWS_AS(base64_decode(bad), Error);
}

TEST_CASE("hex and URL escapes go both ways and refuse nonsense") {
    CHECK(hex_encode("\x01\xab") == "01ab");
    CHECK(hex_decode("01AB") == "\x01\xab");
    CHECK_THROWS_AS(hex_decode("0"), Error);
    CHECK_THROWS_AS(hex_decode("zz"), Error);
    CHECK(url_encode("a b/c~é") == "a%20b%2Fc~%C3%A9");
    CHECK(url_encode("a/b", true) == "a/b");
    CHECK(url_decode("a%20b%2Fc") == "a b/c");
    CHECK_THROWS_AS(url_decode("%2"), Error);
}

TEST_CASE("SHA-256 and its HMAC give the published digests") {
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const auto mac = hmac_sha256("key", "The quick brown fox jumps over the lazy dog");
    CHECK(hex_encode({reinterpret_cast<const char*>(mac.data()), mac.size()}) ==
          "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
}

TEST_CASE("identifiers have their shape and do not repeat") {
    const std::string uuid = random_uuid();
    REQUIRE(uuid.size() == 36);
    CHECK(uuid[14] == '4');
    CHECK(uuid != random_uuid());
    CHECK(random_name_suffix().size() == 5);
    CHECK(random_name_suffix(10).find_first_not_of("bcdfghjklmnpqrstvwxz2456789") == std::string::npos);
}

TEST_CASE("RFC 3339 times are read with any zone and written in UTC") {
    const SystemTime time = parse_rfc3339("2026-11-21T06:12:30.25+01:00");
    CHECK(format_rfc3339(time) == "2026-11-21T05:12:30Z");
    CHECK(format_rfc3339_nano(time) == "2026-11-21T05:12:30.25Z");
    CHECK(format_rfc3339_nano(parse_rfc3339("2026-11-21T05:12:30Z")) == "2026-11-21T05:12:30Z");
    for (const char* bad :
         {"", "2026-11-21", "2026-13-01T00:00:00Z", "2026-11-21T25:00:00Z", "2026-11-21T05:12:30",
          "2026-11-21T05:12:30Zjunk", "1677-12-31T00:00:00Z", "2262-01-01T00:00:00Z"}) {
        CHECK_THROWS_AS(parse_rfc3339(bad), Error);
    }
}

TEST_CASE("durations read and print as Go's do") {
    const std::pair<std::string, std::chrono::nanoseconds> cases[] = {
        {"0s", 0ns},
        {"300ms", 300ms},
        {"1.5s", 1500ms},
        {"1m30s", 90s},
        {"1h0m0.000000001s", 1h + 1ns},
        {"-2m0s", -2min},
        {"1h15m30.918s", 1h + 15min + 30s + 918ms},
        {"12\u00b5s", 12us},
        {"7ns", 7ns}};
    for (const auto& [text, duration] : cases) {
        CHECK(parse_duration(text) == duration);
        CHECK(format_duration(duration) == text);
    }
    CHECK(parse_duration("1h") == 1h);
    for (const char* bad : {"", "5", "s", "1x", "1h-5m", "."}) CHECK_THROWS_AS(parse_duration(bad), Error);
}

TEST_CASE("quantities are Kubernetes'") {
    CHECK(parse_quantity("1Gi") == 1073741824);
    CHECK(parse_quantity("500M") == 500000000);
    CHECK(parse_quantity("1.5k") == 1500);
    CHECK(parse_quantity("42") == 42);
    for (const char* bad : {"", "Gi", "1Q", "1Gib", "x"}) CHECK_THROWS_AS(parse_quantity(bad), Error);
}
