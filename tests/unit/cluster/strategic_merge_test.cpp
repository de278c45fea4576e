#include "cluster/strategic_merge.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "value/json.h"
#include "value/yaml.h"

using namespace fencepost;
using namespace fencepost::cluster;

namespace {
std::string merged(std::string_view target, std::string_view patch) {
    return to_json(strategic_merge(parse_yaml_value(target), parse_yaml_value(patch)));
}
}  // namespace

TEST_CASE("containers merge by name, their env by name, and tolerations are replaced") {
    CHECK(
        merged("{containers: [{name: c, image: a, env: [{name: X, value: '1'}]}], tolerations: [{key: a}]}",
               "{containers: [{name: c, env: [{name: Z, value: '2'}, {name: X, value: '3'}]}, {name: d}], "
               "tolerations: [{key: b}]}") ==
        R"({"containers":[{"env":[{"name":"X","value":"3"},{"name":"Z","value":"2"}],"image":"a","name":"c"},{"name":"d"}],"tolerations":[{"key":"b"}]})");
}

TEST_CASE("null removes, and $patch deletes or replaces") {
    CHECK(merged("{a: 1, b: {c: 2}}", "{a: null, b: {d: 3}}") == R"({"b":{"c":2,"d":3}})");
    CHECK(merged("{containers: [{name: c}, {name: d}]}", "{containers: [{name: c, $patch: delete}]}") ==
          R"({"containers":[{"name":"d"}]})");
    CHECK(merged("{spec: {a: 1}}", "{spec: {$patch: replace, b: 2}}") == R"({"spec":{"b":2}})");
    CHECK(merged("{volumes: [{name: a}]}", "{volumes: [{$patch: replace}, {name: b}]}") ==
          R"({"volumes":[{"name":"b"}]})");
}

TEST_CASE("order and primitive deletions are honoured") {
    CHECK(
        merged("{containers: [{name: a}, {name: b}]}",
               "{$setElementOrder/containers: [{name: b}, {name: a}], containers: [{name: b, image: x}]}") ==
        R"({"containers":[{"image":"x","name":"b"},{"name":"a"}]})");
    CHECK(merged("{finalizers: [x, w]}", "{$deleteFromPrimitiveList/finalizers: [x], finalizers: [z]}") ==
          R"({"finalizers":["w","z"]})");
}

TEST_CASE("an item without its merge key and an unknown directive are refused") {
    CHECK_THROWS_WITH(merged("{}", "{containers: [{image: x}]}"), Catch::Contains("merge key: name"));
    CHECK_THROWS_AS(merged("{}", "{$nonsense: 1}"), Error);
}

TEST_CASE("a JSON merge patch follows RFC 7396's examples") {
    const std::tuple<std::string, std::string, std::string> cases[] = {
        {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
        {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
        {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
        {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
        {R"({"e":null})", R"({"a":1})", R"({"a":1,"e":null})"},
        {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"}};
    for (const auto& [target, patch, result] : cases)
        CHECK(to_json(json_merge(parse_json(target), parse_json(patch))) == result);
}
