#include "binding/resolve.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "binding/explain.h"
#include "tests/unit/binding/world.h"

namespace fencepost::binding {
namespace {

using namespace std::chrono_literals;

std::string blueprint_of(World& world, const std::string& secret) {
    const auto resolution = resolve(*world.cluster, secret_key(secret), "kanister");
    return resolution ? resolution->blueprint : "";
}

std::string warnings_of(const Value& explanation) {
    std::string text;
    for (const Value& warning : explanation["warnings"].as_list()) text += warning.as_string() + "\n";
    return text;
}

constexpr const char* kNotAnnotated =
    "[{type: {operator: In, values: [{resource: secrets}]}}, {annotations: {key: "
    "kanister.kasten.io/blueprint, "
    "operator: DoesNotExist}}]";

}  // namespace

TEST_CASE("B-09 a disabled binding is no candidate, not even for precedence") {
    World world;
    world.blueprint("first");
    world.blueprint("second");
    world.binding("a", "first", kDatabaseSecrets, "disabled: true, ");
    world.clock->advance(10s);
    world.binding("b", "second", kDatabaseSecrets);
    world.secret("db");
    CHECK(blueprint_of(world, "db") == "second");
    const Value explanation = explain(*world.cluster, secret_key("db"), "kanister");
    const Value& candidates = explanation["candidates"];
    REQUIRE(candidates.as_list().size() == 2);
    CHECK(candidates.as_list()[0]["disabled"].as_bool());
    CHECK(candidates.as_list()[0]["matched"].as_bool());
    CHECK(candidates.as_list()[0]["note"].as_string() == "disabled");
    CHECK(candidates.as_list()[0]["shadowedBy"].is_nil());
    CHECK(explanation["winner"].as_string() == "b");
}

TEST_CASE("B-10 of several bindings that match, the earliest wins") {
    World world;
    world.blueprint("first");
    world.blueprint("second");
    world.binding("z-old", "first", kDatabaseSecrets);
    world.clock->advance(1s);
    world.binding("a-new", "second", kDatabaseSecrets);
    world.secret("db");
    const auto resolution = resolve(*world.cluster, secret_key("db"), "kanister");
    REQUIRE(resolution);
    CHECK(resolution->blueprint == "first");
    CHECK(resolution->blueprint_namespace == "kanister");
    CHECK(resolution->binding == "z-old");
    CHECK(resolution->reason ==
          "the binding z-old matches it, and was created before a-new, which matches too");
    const Value explanation = explain(*world.cluster, secret_key("db"), "kanister");
    CHECK(explanation["candidates"].as_list()[1]["shadowedBy"].as_string() == "z-old");
    CHECK_THAT(warnings_of(explanation), Catch::Contains("created earlier [BND-W03]"));
}

TEST_CASE("B-11 of bindings created in the same second, the first by name wins, and explain warns") {
    World world;
    world.blueprint("first");
    world.blueprint("second");
    world.binding("b", "first", kDatabaseSecrets);
    world.binding("a", "second", kDatabaseSecrets);
    world.secret("db");
    CHECK(blueprint_of(world, "db") == "second");
    CHECK_THAT(warnings_of(explain(*world.cluster, secret_key("db"), "kanister")),
               Catch::Contains("in the same second and comes first by name [BND-W03]"));
}

TEST_CASE("a binding that matches no live object is told of, one that matches another object is not") {
    World world;
    world.blueprint("first");
    world.binding("secrets", "first", kDatabaseSecrets);
    world.binding("claims", "first",
                  "[{type: {operator: In, values: [{resource: persistentvolumeclaims}]}}, {labels: {key: "
                  "role, operator: In, values: [pgdata]}}]");
    world.secret("db");
    world.secret("other", "{type: token}");
    const auto warnings = [&] { return warnings_of(explain(*world.cluster, secret_key("db"), "kanister")); };
    CHECK(warnings() == "the binding claims matches no object that is there [BND-W04]\n");
    const auto claim = [&](const std::string& name, const std::string& labels) {
        world.apply("{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: " + name +
                    ", namespace: app1, labels: " + labels +
                    "}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}}");
    };
    claim("wal", "{role: wal}");
    CHECK_THAT(warnings(), Catch::Contains("BND-W04"));
    claim("data", "{role: pgdata}");
    CHECK(warnings().empty());
    CHECK(warnings_of(explain(*world.cluster, secret_key("other"), "kanister")).empty());
}

TEST_CASE("B-12 a binding that matches wins over the annotation") {
    World world;
    world.blueprint("bound");
    world.blueprint("annotated");
    world.binding("b", "bound", kDatabaseSecrets);
    world.secret("db", "{type: database-credential}", "{kanister.kasten.io/blueprint: annotated}");
    CHECK(blueprint_of(world, "db") == "bound");
    const Value explanation = explain(*world.cluster, secret_key("db"), "kanister");
    CHECK(explanation.get("annotation", "value").as_string() == "annotated");
    CHECK(explanation.get("annotation", "resolved").as_bool());
    CHECK(explanation.get("annotation", "overriddenBy").as_string() == "b");
    CHECK_THAT(warnings_of(explanation), Catch::Contains("BND-W05"));
}

TEST_CASE("B-13 a binding that leaves annotated objects out lets the annotation win") {
    World world;
    world.blueprint("bound");
    world.blueprint("annotated");
    world.binding("b", "bound", kNotAnnotated);
    world.secret("plain", "{}");
    world.secret("db", "{}", "{kanister.kasten.io/blueprint: annotated}");
    CHECK(blueprint_of(world, "plain") == "bound");
    const auto resolution = resolve(*world.cluster, secret_key("db"), "kanister");
    REQUIRE(resolution);
    CHECK(resolution->blueprint == "annotated");
    CHECK(resolution->binding.empty());
    CHECK(resolution->reason == "its annotation kanister.kasten.io/blueprint names it");
    const Value explanation = explain(*world.cluster, secret_key("db"), "kanister");
    CHECK(explanation["winner"].as_string().empty());
    CHECK(explanation.get("blueprint", "name").as_string() == "annotated");
    const Value& items = explanation["candidates"].as_list()[0]["items"];
    CHECK(items.as_list()[0]["result"].as_bool());
    CHECK_FALSE(items.as_list()[1]["result"].as_bool());
    CHECK(items.as_list()[1]["key"].as_string() == "annotations kanister.kasten.io/blueprint");
    CHECK(items.as_list()[1]["observed"].as_string() == "annotated");
}

TEST_CASE("B-13 an annotation that names no blueprint is told, and still decides") {
    World world;
    world.secret("db", "{}", "{kanister.kasten.io/blueprint: gone}");
    CHECK(blueprint_of(world, "db") == "gone");
    const Value explanation = explain(*world.cluster, secret_key("db"), "kanister");
    CHECK_FALSE(explanation.get("annotation", "resolved").as_bool());
    CHECK_THAT(warnings_of(explanation), Catch::Contains("BND-W09"));
}

TEST_CASE("B-14 an object created after the binding is bound without touching the binding") {
    World world;
    world.blueprint("pg");
    world.binding("b", "pg", kDatabaseSecrets);
    world.clock->advance(60s);
    world.secret("later");
    CHECK(blueprint_of(world, "later") == "pg");
}

TEST_CASE("B-15 a binding whose blueprint is missing, or that cannot be read, does not take part") {
    World world;
    world.blueprint("second");
    world.binding("a", "missing", kDatabaseSecrets);
    world.binding("b", "second", "[{labels: {key: type, operator: Exists, values: [x]}}]");
    world.clock->advance(1s);
    world.secret("db");
    CHECK(blueprint_of(world, "db").empty());
    const Value explanation = explain(*world.cluster, secret_key("db"), "kanister");
    CHECK(explanation["reason"].as_string() ==
          "the binding a matches it but is invalid, and it has no annotation kanister.kasten.io/blueprint");
    const List& candidates = explanation["candidates"].as_list();
    CHECK_FALSE(candidates[0]["valid"].as_bool());
    CHECK(candidates[0]["note"].as_string() ==
          "invalid: spec.blueprintRef.name: there is no Blueprint kanister/missing [BND-E05]");
    CHECK_FALSE(candidates[1]["matched"].as_bool());
    CHECK_THAT(candidates[1]["note"].as_string(), Catch::Contains("BND-E04"));
    world.blueprint("missing");
    CHECK(blueprint_of(world, "db") == "missing");
}

TEST_CASE("B-15 a binding in another namespace, or for one, is invalid") {
    World world;
    world.blueprint("pg");
    world.apply(R"({apiVersion: config.kio.kasten.io/v1alpha1, kind: BlueprintBinding,
        metadata: {name: elsewhere, namespace: app1}, spec: {blueprintRef: {name: pg, namespace: kanister},
        resources: {matchAll: [{type: {operator: In, values: [{resource: secrets}]}}]}}})");
    world.apply(R"({apiVersion: config.kio.kasten.io/v1alpha1, kind: BlueprintBinding,
        metadata: {name: to-elsewhere, namespace: kanister}, spec: {blueprintRef: {name: pg, namespace: app1},
        resources: {matchAll: [{type: {operator: In, values: [{resource: secrets}]}}]}}})");
    world.secret("db");
    CHECK_FALSE(resolve(*world.cluster, secret_key("db"), "kanister"));
    const Value explanation = explain(*world.cluster, secret_key("db"), "kanister");
    const List& candidates = explanation["candidates"].as_list();
    REQUIRE(candidates.size() == 2);
    CHECK_THAT(candidates[0]["note"].as_string(), Catch::Contains("BND-E06"));
    CHECK_THAT(candidates[1]["note"].as_string(), Catch::Contains("BND-E05"));
}

TEST_CASE("explain says why nothing is bound") {
    World world;
    world.secret("db");
    CHECK(explain(*world.cluster, secret_key("db"), "kanister")["reason"].as_string() ==
          "there is no BlueprintBinding, and it has no annotation kanister.kasten.io/blueprint");
    world.blueprint("pg");
    world.binding("b", "pg", "[{labels: {key: type, operator: In, values: [other]}}]");
    const Value explanation = explain(*world.cluster, secret_key("db"), "kanister");
    CHECK(explanation["reason"].as_string() ==
          "no BlueprintBinding matches it, and it has no annotation kanister.kasten.io/blueprint");
    CHECK(explanation["blueprint"].is_nil());
    const Value& item = explanation["candidates"].as_list()[0]["items"].as_list()[0];
    CHECK(item["list"].as_string() == "matchAll");
    CHECK(item["index"].as_int() == 0);
    CHECK(item["key"].as_string() == "labels type");
    CHECK(item["operator"].as_string() == "In");
    CHECK(item["expected"].as_string() == "[other]");
    CHECK(item["observed"].as_string() == "database-credential");
    CHECK_FALSE(item["result"].as_bool());
}

TEST_CASE("explain says which actions will run and what is odd about the blueprint") {
    World world;
    world.blueprint("pg", "{backup: {}, backupPosthook: {}, backupPrehook: {}, custom: {}}");
    world.binding("b", "pg", kDatabaseSecrets);
    world.secret("db");
    const Value explanation = explain(*world.cluster, secret_key("db"), "kanister");
    std::string actions;
    for (const Value& action : explanation["actionsThatWillRun"].as_list())
        actions += action.as_string() + " ";
    CHECK(actions == "backupPrehook backup backupPosthook ");
    CHECK_THAT(warnings_of(explanation), Catch::Contains("action backup but not restore [BND-W08]") &&
                                             Catch::Contains("action backup but not delete [BND-W08]"));
}

TEST_CASE("resolving an object that is gone is an error") {
    World world;
    try {
        (void)resolve(*world.cluster, secret_key("gone"), "kanister");
        FAIL("must throw");
    } catch (const Error& error) {
        CHECK(error.kind() == ErrorKind::kNotFound);
    }
}

}  // namespace fencepost::binding
