#include "value/json_path.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "value/json.h"

using namespace fencepost;

TEST_CASE("JSONPath finds what kubectl's would") {
    const Value object = parse_json(
        R"({"a":{"b":[{"n":"x","v":1},{"n":"y","v":2},{"n":"z","v":3}],"d.e":true},"l":[10,20,30],"o":{"n":"w"}})");
    struct Case {
        const char* path;
        const char* found;
    };
    for (const Case& one : {Case{"$.a.b[0].n", R"(["x"])"},
                            {".a.b[0].n", R"(["x"])"},
                            {"a.b[0].n", R"(["x"])"},
                            {"@.a.b[-1].v", "[3]"},
                            {"$.a.b[*].v", "[1,2,3]"},
                            {"$.l[*]", "[10,20,30]"},
                            {"$.l.*", "[10,20,30]"},
                            {"$.l[0,2]", "[10,30]"},
                            {"$.l[1:]", "[20,30]"},
                            {"$.l[:-1]", "[10,20]"},
                            {"$.l[0:3:2]", "[10,30]"},
                            {"$.l[5:]", "[]"},
                            {"$.a['d.e']", "[true]"},
                            {R"($.a.d\.e)", "[true]"},
                            {R"($['o', "l"])", R"([{"n":"w"},[10,20,30]])"},
                            {"$.a.b[*]['n','v']", R"(["x","y","z",1,2,3])"},
                            {"$..n", R"(["x","y","z","w"])"},
                            {"$..b[1].n", R"(["y"])"},
                            {R"($.a.b[?(@.n=="y")].v)", "[2]"},
                            {R"($.a.b[?(@.n != 'y')].v)", "[1,3]"},
                            {R"($.a.b[?(@.v>1)].n)", R"(["y","z"])"},
                            {R"($.a.b[?(@.v<=1)].n)", R"(["x"])"},
                            {R"($.a.b[?("y"==@.n)].v)", "[2]"},
                            {R"($.a.b[?(@.v)].v)", "[1,2,3]"},
                            {R"($.a.b[?(@.w)].v)", "[]"},
                            {R"($[?(@.n=="w")])", R"([{"n":"w"}])"},
                            {R"($[?(@.b[?(@.n=="x")])]['d.e'])", "[true]"},
                            {"$", R"([{"a":{"b":[{"n":"x","v":1},{"n":"y","v":2},{"n":"z","v":3}],)"
                                  R"("d.e":true},"l":[10,20,30],"o":{"n":"w"}}])"},
                            {"$.nowhere", "[]"},
                            {"$.a.b[9]", "[]"},
                            {"$.l.name", "[]"},
                            {R"($.a.b[?(@.n=="w")].v)", "[]"}}) {
        INFO(one.path);
        CHECK(Value(List(JsonPath(one.path).find(object))) == parse_json(one.found));
    }
}

TEST_CASE("a malformed JSONPath is an error") {
    for (const char* path :
         {"$.a[", "$.a[x", "$.a['b", "$.a[?(@.n]", "$.a[1", "$.a[x]", "$.a[]", "$.a[1:2:3:4]", "$.a[0:1:0]",
          "$.a[?(@.n==)]", "$.a[?(@.n==y)]", "$.a.", "$.a[0]b", "$.a b"}) {
        INFO(path);
        CHECK_THROWS_AS(JsonPath(path), Error);
    }
}

TEST_CASE("a JSONPath template renders as kubectl -o jsonpath does") {
    const Value list =
        parse_json(R"({"kind":"List","items":[{"metadata":{"name":"a","labels":{"x":"1"}},"n":1},)"
                   R"({"metadata":{"name":"b"},"n":2.5,"ok":true,"none":null}]})");
    struct Case {
        const char* text;
        const char* output;
    };
    for (const Case& one :
         {Case{"{.kind}", "List"},
          {"{.items[*].metadata.name}", "a b"},
          {"name={.items[0].metadata.name};", "name=a;"},
          {R"({range .items[*]}{.metadata.name}{"\t"}{.n}{"\n"}{end})", "a\t1\nb\t2.5\n"},
          {R"({range .items[*]}{.metadata.name}{' {x}\' '}{end}done)", "a {x}' b {x}' done"},
          {"{.items[0].metadata}", R"({"labels":{"x":"1"},"name":"a"})"},
          {"{.items[*].metadata.labels.x}", "1"},
          {"{.items[1].ok} {.items[1].none}", "true <nil>"},
          {R"({.items[?(@.metadata.name=="b")].n})", "2.5"},
          {"[{.absent}]", "[]"},
          {"{range .absent[*]}x{end}y", "y"},
          {"{range .items[*]}{range .metadata.labels.*}<{.}>{end};{end}", "<1>;;"},
          {"{ .items[0].n }", "1"}}) {
        INFO(one.text);
        CHECK(JsonPathTemplate(one.text).render(list) == one.output);
    }
}

TEST_CASE("a malformed JSONPath template is an error that says what to write") {
    struct Case {
        const char* text;
        const char* message;
    };
    for (const Case& one : {Case{".metadata.name", "write {.metadata.name}"},
                            {"", "no expression"},
                            {"{.a", "a } is missing"},
                            {"{}", "empty"},
                            {"{range .a}x", "has no {end}"},
                            {"x{end}", "without {range}"},
                            {"{'x}", "a } is missing"},
                            {"{.a[}", "a ] is missing"}}) {
        INFO(one.text);
        try {
            const JsonPathTemplate parsed(one.text);
            FAIL("it was read");
        } catch (const Error& error) {
            INFO(error.what());
            CHECK(std::string(error.what()).find(one.message) != std::string::npos);
        }
    }
}

TEST_CASE("JSONPaths are bounded: at the limit they are read, beyond it they are refused") {
    const auto filters = [](int depth) {
        std::string text = "@.a";
        for (int i = 0; i < depth; ++i) text = "@[?(" + text + ")]";
        return text;
    };
    CHECK_NOTHROW(JsonPath(filters(kMaxJsonPathDepth)));
    CHECK_THROWS_AS(JsonPath(filters(kMaxJsonPathDepth + 1)), Error);
    const auto ranges = [](int depth) {
        std::string text = "{.}";
        for (int i = 0; i < depth; ++i) text = "{range .a[*]}" + text + "{end}";
        return text;
    };
    CHECK_NOTHROW(JsonPathTemplate(ranges(kMaxJsonPathDepth)));
    CHECK_THROWS_AS(JsonPathTemplate(ranges(kMaxJsonPathDepth + 1)), Error);
    CHECK_NOTHROW(JsonPath(std::string(kMaxJsonPathBytes, 'a')));
    CHECK_THROWS_AS(JsonPath(std::string(kMaxJsonPathBytes + 1, 'a')), Error);
}
