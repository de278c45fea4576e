#include "functions/json_path.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "value/json.h"

namespace fencepost::functions {

TEST_CASE("JSONPath finds what kubectl's would") {
    const Value object = parse_json(
        R"({"a":{"b":[{"n":"x","v":1},{"n":"y","v":2},{"n":"z","v":3}],"d.e":true},"l":[10,20,30]})");
    struct Case {
        const char* path;
        const char* found;
    };
    for (const Case& one : {Case{"$.a.b[0].n", R"(["x"])"},
                            {"$.a.b[-1].v", "[3]"},
                            {"$.a.b[*].v", "[1,2,3]"},
                            {"$.l[*]", "[10,20,30]"},
                            {"$.a['d.e']", "[true]"},
                            {R"($.a.b[?(@.n=="y")].v)", "[2]"},
                            {"$.nowhere", "[]"},
                            {"$.a.b[9]", "[]"},
                            {"$.l.name", "[]"},
                            {R"($.a.b[?(@.n=="w")].v)", "[]"}}) {
        INFO(one.path);
        CHECK(Value(List(json_path(object, one.path))) == parse_json(one.found));
    }
}

TEST_CASE("a malformed JSONPath is an error") {
    for (const char* path : {"$.a[", "$.a[x", "$.a['b", "$.a[?(@.n]", "$.a[1"}) {
        INFO(path);
        CHECK_THROWS_AS(json_path(Value(Map{{"a", Value(List{1})}}), path), Error);
    }
}

}  // namespace fencepost::functions
