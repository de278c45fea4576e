#include "value/yaml.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "value/json.h"

using namespace fencepost;

namespace {
std::string as_json(std::string_view yaml) {
    return to_json(parse_yaml_value(yaml), {.escape_html = false, .indent = ""});
}
}  // namespace

TEST_CASE("plain scalars are read as YAML 1.1 reads them") {
    const std::pair<std::string, std::string> cases[] = {{"yes", "true"},
                                                         {"On", "true"},
                                                         {"y", "true"},
                                                         {"off", "false"},
                                                         {"No", "false"},
                                                         {"\"yes\"", "\"yes\""},
                                                         {"'on'", "\"on\""},
                                                         {"~", "null"},
                                                         {"null", "null"},
                                                         {"010", "8"},
                                                         {"0x1F", "31"},
                                                         {"0b11", "3"},
                                                         {"1_000", "1000"},
                                                         {"09", "9"},
                                                         {"1.50", "1.5"},
                                                         {"-3", "-3"},
                                                         {"1e3", "1000"},
                                                         {"2024-05-28", "\"2024-05-28\""},
                                                         {"1:30", "\"1:30\""},
                                                         {"1.2.3", "\"1.2.3\""},
                                                         {"12e", "\"12e\""},
                                                         {"18446744073709551615", "18446744073709551615"},
                                                         {"!!str 5", "\"5\""},
                                                         {"|\n  a\n  b\n", "\"a\\nb\\n\""},
                                                         {">-\n  a\n  b\n", "\"a b\""},
                                                         {"\"a\\N\\_\\u00e9\"", "\"a\u0085\u00a0é\""},
                                                         {"1e999", "\"1e999\""}};
    for (const auto& [yaml, json] : cases) {
        INFO(yaml);
        CHECK(as_json(yaml) == json);
    }
}

TEST_CASE("keys that are bools or numbers turn into their text") {
    CHECK(as_json("y: 1\noff: 2\n5: 3\n\"n\": 4\n") == R"({"5":3,"false":2,"n":4,"true":1})");
    CHECK(as_json(".inf: 1\n-.INF: 2\n.nan: 3\n0.10: 4\n") == R"({"-.inf":2,".inf":1,".nan":3,"0.1":4})");
}

TEST_CASE("merge keys bring what the map itself does not have") {
    CHECK(as_json("base: &b {a: 1, c: 2}\nx:\n  <<: *b\n  a: 9\n") ==
          R"({"base":{"a":1,"c":2},"x":{"a":9,"c":2}})");
    CHECK(as_json("p: &p {a: 1}\nq: &q {a: 2, b: 3}\nx: {<<: [*p, *q]}\n") ==
          R"({"p":{"a":1},"q":{"a":2,"b":3},"x":{"a":1,"b":3}})");
}

TEST_CASE("duplicate keys are an error at their place") {
    try {
        (void)parse_yaml("a: 1\nb: 2\na: 3\n", "bp.yaml");
        FAIL("no error");
    } catch (const Error& e) {
        CHECK_THAT(e.what(), Catch::Contains("key \"a\" already set in map"));
        REQUIRE(e.position().has_value());
        CHECK(e.position()->line == 3);
        CHECK(e.position()->file == "bp.yaml");
    }
}

TEST_CASE("every document of a stream comes with the place of its nodes") {
    const auto documents =
        parse_yaml("a: 1\n---\n# nothing\n---\nphases:\n  - name: dump\n    args: |\n      {{ x }}\n");
    REQUIRE(documents.size() >= 2);
    const YamlDocument& last = documents.back();
    CHECK(last.value.get("phases").list_or_empty().size() == 1);
    const auto name = last.source.at("/phases/0/name");
    CHECK(name.line == 6);
    CHECK(name.column == 11);
    CHECK(last.source.at("/phases/0/name", SourceMap::Part::kKey).column == 5);
    CHECK(last.source.at("/phases/0/args").style == SourceMap::Style::kLiteral);
    CHECK(last.source.at("/phases/0/nothing/here").line == 6);
}

TEST_CASE("hostile YAML is refused quickly and clearly") {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 9; ++i) {
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int n = 0; n < 10; ++n) bomb += (n > 0 ? ", *a" : "*a") + std::to_string(i - 1);
        bomb += "]\n";
    }
    CHECK_THROWS_WITH(parse_yaml(bomb), Catch::Contains("aliases are expanded"));
    CHECK_THROWS_WITH(parse_yaml(std::string(100'000, '[')), Catch::Contains("nested deeper"));
    CHECK_THROWS_AS(parse_yaml(std::string(100'000, '{')), Error);
    std::string deep;
    for (int i = 0; i < 200; ++i) deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
    CHECK_THROWS_WITH(parse_yaml(deep), Catch::Contains("nested deeper"));
    std::string dashes;
    for (int i = 0; i < 50'000; ++i) dashes += "- ";
    CHECK_THROWS_AS(parse_yaml(dashes), Error);
    const std::vector<std::pair<std::string, std::string>> misplaced{
        {"a: 1\nb: -.inf\n", "json: unsupported value: -Inf"},
        {"a: 1\nb: \xFF\n", "invalid UTF-8"},
        {"a: 1\nb: \xC3\n", "invalid UTF-8"},
        {"a: 1\nb: \x1B[0m\n", "control characters are not allowed"},
    };
    for (const auto& [text, message] : misplaced) {
        INFO(text);
        try {
            (void)parse_yaml(text, "file.yaml");
            FAIL("it was read");
        } catch (const Error& error) {
            CHECK_THAT(error.message(), Catch::Contains("yaml: line 2: " + message));
            REQUIRE(error.position());
            CHECK(error.position()->line == 2);
            CHECK(error.position()->column == 4);
        }
    }
    for (const char* bad : {"a: [1", "a: b: c", "a:\n\t- x", "*nowhere", "\"open", "a: !custom x"}) {
        INFO(bad);
        CHECK_THROWS_AS(parse_yaml(bad), Error);
    }
}

TEST_CASE("what is written reads back as the same value") {
    const Value value = parse_json(
        R"({"a":"yes","b":["1","x y",null,true,1.5],"c":{"d":"line one\nline two\n","e":"","f":"- x","g":{}},"h":[],
        "i":[[1,2],[]],"j":"a: b","k":"#c","l":"two\n\nblank\n\n","m":" lead","n":"tab\tx","o":"é","on":1,"p":"*x","q":[{"a":1,"b":[1]}]})");
    const std::string yaml = to_yaml(value);
    INFO(yaml);
    CHECK(parse_yaml_value(yaml) == value);
    for (const char* odd : {"\u0085", "a\n\u2028\n", "\u007f", "\ufeffx", "a\r\nb", "\uffff", "\x1b[1m\n"}) {
        INFO(to_yaml(Value(odd)));
        CHECK(parse_yaml_value(to_yaml(Value(odd))) == Value(odd));
        CHECK(parse_yaml_value(to_yaml(Value(Map{{odd, 1}}))) == Value(Map{{odd, 1}}));
    }
}

TEST_CASE(
    "a stray comma or bracket where a document should be is an error, not an endless stream of empty ones") {
    for (const char* text : {",", "]", "}", "a: 1\n---\n,"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(parse_yaml(text, "file.yaml"), Error);
    }
}
