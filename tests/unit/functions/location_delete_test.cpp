// LocationDelete: exact keys, and folders at their boundary; on a file store.
#include "functions_world.h"

namespace fencepost::functions {

using Catch::Contains;

namespace {

void put(const FunctionsWorld& world, const std::string& key) {
    const std::filesystem::path path = world.folder / "store" / key;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << key;
}

bool is_there(const FunctionsWorld& world, const std::string& key) {
    return std::filesystem::exists(world.folder / "store" / key);
}

}  // namespace

TEST_CASE("LocationDelete removes the artifact and what lies below it, never its siblings") {
    FunctionsWorld world;
    world.create(
        "{apiVersion: cr.kanister.io/v1alpha1, kind: Profile, metadata: {name: store, namespace: default}, "
        "location: {type: filestore, path: " +
        world.file("store") + "}}");
    const std::string profile = ", profile: {name: store, namespace: default}";
    for (const char* key : {"b-1", "b-10", "b-2/part", "b-2/deep/part", "b-20", "kept"}) put(world, key);

    (void)world.outputs("LocationDelete", "{artifact: b-1}", profile);
    CHECK(!is_there(world, "b-1"));
    CHECK(is_there(world, "b-10"));
    (void)world.outputs("LocationDelete", "{artifact: b-2/}", profile);
    CHECK(!is_there(world, "b-2/part"));
    CHECK(!is_there(world, "b-2/deep/part"));
    CHECK(is_there(world, "b-20"));
    (void)world.outputs("LocationDelete", "{artifact: gone-already}", profile);

    CHECK_THAT(world.error("LocationDelete", "{artifact: ''}", profile), Contains("'artifact' is empty"));
    CHECK_THAT(world.error("LocationDelete", "{artifact: /}", profile), Contains("'artifact' is empty"));
    CHECK_THAT(world.error("LocationDelete", "{artifact: ../../etc}", profile), !Contains("complete"));
    CHECK_THAT(world.error("LocationDelete", "{artifact: kept}"), Contains("Profile must be non-nil"));
    CHECK_THAT(world.error("LocationDelete", "{}", profile), Contains("Required arg missing: artifact"));
    CHECK(is_there(world, "kept"));
}

}  // namespace fencepost::functions
