#include "value/value.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "value/format.h"
#include "value/go_type.h"
#include "value/json.h"

using namespace fencepost;

TEST_CASE("a copy keeps what it was when the original changes") {
    Value original;
    original["metadata"]["labels"]["app"] = "pg";
    const Value copy = original;
    original["metadata"]["labels"]["app"] = "other";
    original["metadata"]["name"] = "x";
    CHECK(copy.get("metadata", "labels", "app").as_string() == "pg");
    CHECK(copy.get("metadata", "name").is_nil());
    CHECK(original.get("metadata", "labels", "app").as_string() == "other");
}

TEST_CASE("reading tolerates absence and says what it expected otherwise") {
    const Value value = parse_json(R"({"a": {"b": 3, "l": [1, 2]}})");
    CHECK(value.get("a", "b").as_int() == 3);
    CHECK(value.get("x", "y", "z").is_nil());
    CHECK(value.get("a", "b").string_or("none") == "none");
    CHECK(value.get("a", "l").list_or_empty().size() == 2);
    CHECK_THROWS_WITH(value.get("a").as_string(), "expected string, got map");
}

TEST_CASE("a map stays sorted and the last of two equal keys wins") {
    const Map map{{"b", 1}, {"a", 2}, {"b", 3}};
    REQUIRE(map.size() == 2);
    CHECK(map.begin()->key == "a");
    CHECK(map.find("b")->as_int() == 3);
}

TEST_CASE("JSON reads numbers as Go's decoder and keeps what it writes") {
    const Value value =
        parse_json(R"({"i": 9223372036854775807, "u": 18446744073709551615, "f": 1.5, "e": 1e3, "n": null})");
    CHECK(value["i"].kind() == Kind::kInt);
    CHECK(value["u"].kind() == Kind::kUint);
    CHECK(value["f"].kind() == Kind::kFloat);
    CHECK(value["e"].kind() == Kind::kFloat);
    CHECK(to_json(value) ==
          R"({"e":1000,"f":1.5,"i":9223372036854775807,"n":null,"u":18446744073709551615})");
    for (const char* bad : {"", "{", "[1,]", "{\"a\":1}x", "nul", "\"\x01\""})
        CHECK_THROWS_AS(parse_json(bad), Error);
    CHECK_NOTHROW(parse_json(std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']')));
    CHECK_THROWS_AS(parse_json(std::string(kMaxJsonDepth + 1, '[') + std::string(kMaxJsonDepth + 1, ']')),
                    Error);
}

TEST_CASE("JSON is written as encoding/json writes it") {
    CHECK(to_json(Value("<a&b>\u2028\x01\"\\\n\xff")) == R"("\u003ca\u0026b\u003e\u2028\u0001\"\\\n\ufffd")");
    CHECK(to_json(Value("<a>"), {.escape_html = false, .indent = ""}) == R"("<a>")");
    const std::pair<double, std::string> floats[] = {
        {0.1, "0.1"},   {1e21, "1e+21"},        {1e20, "100000000000000000000"},
        {1e-7, "1e-7"}, {0.000001, "0.000001"}, {-2, "-2"}};
    for (const auto& [number, text] : floats) CHECK(to_json(Value(number)) == text);
    CHECK(to_json(Value(Bytes{"hi"})) == R"("aGk=")");
    CHECK(to_json(Value(List{1, Value{}, Value(Map{{"k", true}})}), {.escape_html = true, .indent = "  "}) ==
          "[\n  1,\n  null,\n  {\n    \"k\": true\n  }\n]");
    CHECK(to_json(Value(Map{}), {.escape_html = true, .indent = "  "}) == "{}");
}

TEST_CASE("values print as Go's %v") {
    const std::pair<Value, std::string> cases[] = {{Value{}, "<nil>"},
                                                   {true, "true"},
                                                   {7, "7"},
                                                   {1.0, "1"},
                                                   {1e21, "1e+21"},
                                                   {2.5e-5, "2.5e-05"},
                                                   {"text", "text"},
                                                   {Bytes{"hi"}, "[104 105]"},
                                                   {List{1, "a", Value{}}, "[1 a <nil>]"},
                                                   {Map{{"b", 1}, {"a", List{}}}, "map[a:[] b:1]"},
                                                   {123456789.0, "1.23456789e+08"}};
    for (const auto& [value, text] : cases) CHECK(go_format_v(value) == text);
}

TEST_CASE("printf follows Go's verbs, flags and complaints") {
    struct Case {
        std::string format;
        List arguments;
        std::string text;
    };
    const Case cases[] = {
        {"%d|%5d|%-5d|%05d|%+d|%x|%X|%o|%b|%#x",
         {42, 42, 42, 42, 42, 255, 255, 8, 5, 255},
         "42|   42|42   |00042|+42|ff|FF|10|101|0xff"},
        {"%s|%10s|%-4s|%.2s|%q|%x",
         {"ab", "ab", "ab", "abc", "a\"b\n", "hi"},
         R"(ab|        ab|ab  |ab|"a\"b\n"|6869)"},
        {"%f|%.2f|%8.3f|%e|%g|%G",
         {1.5, 1.005, 3.14159, 1500.0, 1e-7, 1e21},
         "1.500000|1.00|   3.142|1.500000e+03|1e-07|1E+21"},
        {"%t|%v|%c|%U|%q", {true, false, 65, 0x1F600, 'x' + 0}, "true|false|A|U+1F600|'x'"},
        {"%T %T %T %T", {1, "a", Value{}, List{}}, "int64 string <nil> []interface {}"},
        {"%d", {"a"}, "%!d(string=a)"},
        {"%s", {1}, "%!s(int64=1)"},
        {"%d %d", {1}, "1 %!d(MISSING)"},
        {"x", {1, "b"}, "x%!(EXTRA int64=1, string=b)"},
        {"%", {}, "%!(NOVERB)"},
        {"%%|%[2]d %[1]d", {1, 2}, "%|2 1"},
        {"%[3]d", {1}, "%!d(BADINDEX)"},
        {"%*d|%.*f", {5, 42, 2, 1.239}, "   42|1.24"},
        {"%v %+v %#v", {List{"a"}, Map{{"k", 1}}, "q"}, R"([a] map[k:1] "q")"},
        {"%6.2f|%-8v|%08.3f", {3.14159, true, -1.5}, "  3.14|true    |-001.500"},
        {"%x %X % x", {Bytes{"\x01\xab"}, "hi", "abc"}, "01ab 6869 61 62 63"},
    };
    for (const Case& c : cases) {
        INFO(c.format);
        CHECK(go_sprintf(c.format, c.arguments) == c.text);
    }
    CHECK(go_sprint(List{1, 2, "a", "b", 3}) == "1 2ab3");
}
