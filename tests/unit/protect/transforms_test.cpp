#include "protect/transforms.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "value/yaml.h"

namespace fencepost::protect {
namespace {

const cluster::ResourceType kDeployments{"apps", "v1", "deployments"};

Value object() {
    return parse_yaml_value(
        "{metadata: {name: web, labels: {a/b: one}}, spec: {containers: [{image: old/web:1}, {image: "
        "old/log:2}]}}");
}

Transforms read(const std::string& operations, const std::string& subject = "{resource: deployments}") {
    model::Problems problems;
    Transforms transforms =
        Transforms::read(parse_yaml_value("[{name: t, subject: " + subject + ", json: " + operations + "}]"),
                         "/spec/transforms", problems);
    problems.throw_errors("the test");
    return transforms;
}

Value apply(const std::string& operations) { return read(operations).apply(kDeployments, object()); }

std::vector<std::string> rules(const std::string& transforms) {
    model::Problems problems;
    (void)Transforms::read(parse_yaml_value(transforms), "/t", problems);
    std::vector<std::string> rules;
    for (const auto& problem : problems.all()) rules.push_back(problem.rule);
    return rules;
}

}  // namespace

TEST_CASE("the six operations of a transform") {
    CHECK(apply("[{op: add, path: /spec/replicas, value: 2}]").get("spec", "replicas") == Value(2));
    CHECK(apply("[{op: remove, path: /metadata/labels}]").get("metadata", "labels").is_nil());
    CHECK(apply("[{op: replace, path: /metadata/name, value: new}]").get("metadata", "name") == Value("new"));
    CHECK(apply("[{op: copy, from: /metadata/name, path: /spec/app}]").get("spec", "app") == Value("web"));
    const Value moved = apply("[{op: move, from: /metadata/labels, path: /spec/labels}]");
    CHECK(moved.get("metadata", "labels").is_nil());
    CHECK(moved.get("spec", "labels", "a/b") == Value("one"));
    CHECK(apply("[{op: test, path: /metadata/name, value: web}, {op: add, path: /x, value: 1}]")["x"] ==
          Value(1));
}

TEST_CASE("a test that fails leaves the object to the next transform") {
    CHECK(apply("[{op: test, path: /metadata/name, value: other}, {op: add, path: /x, value: 1}]")["x"]
              .is_nil());
    CHECK(apply("[{op: test, path: /no/such, value: other}, {op: add, path: /x, value: 1}]")["x"].is_nil());
    CHECK(apply("[{op: test, path: /no/*/such, value: other}, {op: add, path: /x, value: 1}]")["x"].is_nil());
    // Any other failure is one.
    try {
        (void)apply("[{op: remove, path: /no/such}]");
        FAIL("it did not throw");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::kInvalid);
        CHECK(std::string(e.what()).find("transform t: remove /no/such of deployments/web") == 0);
    }
}

TEST_CASE("a star stands for every item and member, a regex for a part of a text") {
    const Value changed =
        apply("[{op: replace, path: /spec/containers/*/image, regex: '^old/([a-z]+)', value: 'new/$1-x'}]");
    CHECK(changed.get("spec", "containers").as_list()[0]["image"] == Value("new/web-x:1"));
    CHECK(changed.get("spec", "containers").as_list()[1]["image"] == Value("new/log-x:2"));
    CHECK(apply("[{op: remove, path: /spec/containers/*/image}]") ==
          parse_yaml_value("{metadata: {name: web, labels: {a/b: one}}, spec: {containers: [{}, {}]}}"));
    CHECK(apply("[{op: remove, path: /spec/containers/*}]").get("spec", "containers").as_list().empty());
    CHECK(apply("[{op: replace, path: /metadata/labels/*, value: two}]").get("metadata", "labels", "a/b") ==
          Value("two"));
    CHECK(apply("[{op: test, path: /metadata/name, regex: '^w'}, {op: add, path: /x, value: 1}]")["x"] ==
          Value(1));
    CHECK(apply("[{op: test, path: /metadata/name, regex: '^x'}, {op: add, path: /x, value: 1}]")["x"]
              .is_nil());
}

TEST_CASE("a transform is for what its subject fits") {
    const char* add = "[{op: add, path: /x, value: 1}]";
    CHECK(read(add, "{group: apps, name: web}").apply(kDeployments, object())["x"] == Value(1));
    CHECK(read(add, "{resource: secrets}").apply(kDeployments, object())["x"].is_nil());
}

TEST_CASE("what is wrong with a transform is told before anything changes") {
    using Rules = std::vector<std::string>;
    CHECK(rules("{}") == Rules{"TRF-E01"});
    CHECK(rules("[{json: []}]") == Rules{"TRF-E02"});
    CHECK(rules("[{subject: {resource: a}, transformSetRef: {name: t}}]") == Rules{"TRF-E03"});
    CHECK(rules("[{subject: {resource: a}, json: [{op: change, path: x, regex: '('}]}]") ==
          Rules{"TRF-E04", "TRF-E05", "TRF-E06", "TRF-E07"});
    CHECK(rules("[{subject: {resource: a}, jsonn: []}]") == Rules{"unknown-field", "missing-field"});
    CHECK(rules("[{subject: {kind: A}, json: [{op: add, path: /x}, {op: move, path: /x}]}]") ==
          Rules{"unknown-field", "missing-field", "TRF-E05"});
}

}  // namespace fencepost::protect
