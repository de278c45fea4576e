#include "binding/controller.h"

#include <catch2/catch.hpp>

#include <functional>

#include "base/cancel.h"
#include "tests/unit/binding/world.h"
#include "tests/unit/eventually.h"

namespace fencepost::binding {
namespace {

using namespace std::chrono_literals;

// The binding as soon as `is_wanted` holds; a nil value if it never does.
Value wait_for(World& world, const std::string& name,
               const std::function<bool(const Value& binding)>& is_wanted) {
    const auto watch = world.cluster->watch(cluster::types::kBlueprintBindings, {.ns = "kanister"});
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (const auto event = watch->next(CancelToken(), until)) {
        if (cluster::name_of(event->object) == name && is_wanted(event->object)) return event->object;
    }
    return {};
}

std::function<bool(const Value&)> validation_is(const std::string& wanted) {
    return [wanted](const Value& binding) {
        return binding.get("status", "validation").string_or("") == wanted;
    };
}

cluster::ObjectKey binding_key(const std::string& name) {
    return {cluster::types::kBlueprintBindings, "kanister", name};
}

}  // namespace

TEST_CASE("B-15 a valid binding's status says Success, no error, and the generation it was judged at") {
    World world;
    world.blueprint("pg");
    world.binding("before", "pg", kDatabaseSecrets);
    BindingController controller(*world.cluster, world.log, *world.clock, "kanister");
    world.binding("after", "pg", kDatabaseSecrets);
    for (const char* name : {"before", "after"}) {
        const Value binding = wait_for(world, name, validation_is("Success"));
        REQUIRE_FALSE(binding.is_nil());
        CHECK(binding.get("status", "error").is_nil());
        CHECK(binding.get("status", "observedGeneration").as_int() == 1);
    }
}

TEST_CASE("B-15 an invalid binding's status says Failed with all errors, and follows its edits") {
    World world;
    world.blueprint("pg");
    BindingController controller(*world.cluster, world.log, *world.clock, "kanister");
    world.binding("b", "pg", "[{}, {labels: {key: type, operator: In}}]");
    const Value failed = wait_for(world, "b", validation_is("Failed"));
    REQUIRE_FALSE(failed.is_nil());
    const List& errors = failed.get("status", "error").as_list();
    REQUIRE(errors.size() == 2);
    CHECK_THAT(errors[0].as_string(),
               Catch::Contains("spec.resources.matchAll[0]") && Catch::Contains("BND-E02"));
    CHECK_THAT(errors[1].as_string(),
               Catch::Contains("spec.resources.matchAll[1]") && Catch::Contains("BND-E04"));
    world.cluster->patch(
        binding_key("b"), cluster::PatchType::kMerge,
        parse_yaml_value("{spec: {resources: {matchAll: [{labels: {key: type, operator: Exists}}]}}}"));
    const Value mended = wait_for(world, "b", validation_is("Success"));
    REQUIRE_FALSE(mended.is_nil());
    CHECK(mended.get("status", "error").is_nil());
    CHECK(mended.get("status", "observedGeneration").as_int() == 2);
}

TEST_CASE("B-15 a binding fails until its blueprint comes, and again when it goes") {
    World world;
    BindingController controller(*world.cluster, world.log, *world.clock, "kanister");
    world.binding("b", "pg", kDatabaseSecrets);
    const Value failed = wait_for(world, "b", validation_is("Failed"));
    REQUIRE_FALSE(failed.is_nil());
    CHECK_THAT(failed.get("status", "error").as_list()[0].as_string(), Catch::Contains("BND-E05"));
    world.blueprint("pg");
    CHECK_FALSE(wait_for(world, "b", validation_is("Success")).is_nil());
    world.cluster->remove({cluster::types::kBlueprints, "kanister", "pg"});
    CHECK_FALSE(wait_for(world, "b", validation_is("Failed")).is_nil());
}

TEST_CASE("B-15 warnings tell of a plural that is not served and of a blueprint with no action to call") {
    World world;
    world.blueprint("pg", "{backupPreHook: {}}");
    const Value binding =
        world.binding("b", "pg", "[{type: {operator: In, values: [{group: apps, resource: statefulset}]}}]");
    const Value status = status_of(*world.cluster, binding, "kanister");
    CHECK(status["validation"].as_string() == "Success");
    std::string warnings;
    for (const Value& warning : status["warnings"].as_list()) warnings += warning.as_string() + "\n";
    CHECK_THAT(warnings, Catch::Contains("did you mean 'backupPrehook'? [BND-W07]"));
    CHECK_THAT(warnings, Catch::Contains("did you mean 'statefulsets'? [BND-W01]"));
    CHECK(status["warnings"].as_list().size() == 2);
}

TEST_CASE("a binding that is judged already is not written again") {
    World world;
    world.blueprint("pg");
    world.binding("b", "pg", kDatabaseSecrets);
    std::string revision;
    {
        BindingController controller(*world.cluster, world.log, *world.clock, "kanister");
        revision = cluster::resource_version_of(wait_for(world, "b", validation_is("Success")));
    }
    {
        BindingController controller(*world.cluster, world.log, *world.clock, "kanister");
        world.binding("later", "pg", kDatabaseSecrets);
        CHECK_FALSE(wait_for(world, "later", validation_is("Success")).is_nil());
    }
    CHECK(cluster::resource_version_of(world.cluster->get(binding_key("b"))) == revision);
}

}  // namespace fencepost::binding
