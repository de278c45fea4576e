// Server-side apply: what becomes of objects that several managers apply and others write to.
#include <catch2/catch.hpp>
#include <filesystem>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/local/field_set.h"
#include "cluster/local/local_cluster.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::cluster {
namespace {

class World {
  public:
    World() : cluster(local::open_local_cluster({.data_dir = folder, .run_pods = false}, clock, log)) {}
    ~World() {
        cluster.reset();
        std::filesystem::remove_all(folder);
    }
    Value apply(const std::string& manager, const ObjectKey& key, std::string_view yaml,
                bool is_forced = false) {
        PatchOptions options;
        options.field_manager = manager;
        options.force = is_forced;
        return cluster->patch(key, PatchType::kApply, parse_yaml_value(yaml), options);
    }
    // What apply() is refused with.
    std::string refusal(const std::string& manager, const ObjectKey& key, std::string_view yaml) {
        try {
            apply(manager, key, yaml);
        } catch (const Error& e) {
            return std::string(to_string(e.kind())) + ": " + e.what();
        }
        return "";
    }
    static Value fields(const Value& object, std::string_view manager) {
        for (const Value& entry : object.get("metadata", "managedFields").list_or_empty()) {
            if (entry["manager"] == Value(manager)) return entry["fieldsV1"];
        }
        return {};
    }

    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("fencepost-apply-" + random_name_suffix(8));
    SystemClock clock;
    Log log{2, Log::Format::kText, LogLevel::kError};
    std::unique_ptr<Cluster> cluster;
    const ObjectKey map{types::kConfigMaps, "default", "m"};
    const ObjectKey deployment{types::kDeployments, "default", "d"};
};

constexpr const char* kDeployment = R"(
spec:
  replicas: 0
  template:
    spec:
      containers:
      - {name: web, image: web:1, env: [{name: A, value: '1'}]}
      - {name: side, image: side:1}
)";

}  // namespace

TEST_CASE("the first apply makes the object, and the second of the same changes nothing") {
    World world;
    const Value made = world.apply("one", world.map, "data: {a: '1'}");
    CHECK(name_of(made) == "m");
    CHECK(World::fields(made, "one") == parse_json(R"({"f:data":{"f:a":{}}})"));
    const Value again = world.apply("one", world.map, "data: {a: '1'}");
    CHECK(again == made);
}

TEST_CASE("what a manager no longer applies goes, unless another one has it too") {
    World world;
    world.apply("one", world.map, "data: {a: '1', b: '1', c: '1'}");
    world.apply("two", world.map, "data: {b: '1'}");
    const Value left = world.apply("one", world.map, "data: {a: '1'}");
    CHECK(left["data"] == parse_json(R"({"a":"1","b":"1"})"));
}

TEST_CASE("a value that is somebody else's is a conflict that names both, and force takes it over") {
    World world;
    world.apply("one", world.map, "data: {a: '1', b: '1'}");
    CHECK(world.refusal("two", world.map, "data: {a: '2'}") ==
          "Conflict: Apply failed with 1 conflict: conflict with \"one\" using v1:\n- .data.a");
    const Value taken = world.apply("two", world.map, "data: {a: '2'}", true);
    CHECK(taken.get("data", "a") == Value("2"));
    CHECK(World::fields(taken, "one") == parse_json(R"({"f:data":{"f:b":{}}})"));
}

TEST_CASE("who writes otherwise owns what he changes; who comes late finds what was there before") {
    World world;
    world.cluster->create(types::kConfigMaps,
                          parse_yaml_value("metadata: {name: m, namespace: default}\ndata: {old: '1'}"));
    CHECK(world.refusal("one", world.map, "data: {old: '2'}").find("conflict with \"before-first-apply\"") !=
          std::string::npos);
    world.apply("one", world.map, "data: {new: '1'}");
    PatchOptions editor;
    editor.field_manager = "editor";
    const Value edited =
        world.cluster->patch(world.map, PatchType::kMerge, parse_json(R"({"data":{"new":"2"}})"), editor);
    CHECK(World::fields(edited, "editor") == parse_json(R"({"f:data":{"f:new":{}}})"));
    CHECK(World::fields(edited, "one").is_nil());
    CHECK(world.refusal("one", world.map, "data: {new: '1'}").find("conflict with \"editor\"") !=
          std::string::npos);
}

TEST_CASE("objects that nobody applies carry no accounts") {
    World world;
    const Value made = world.cluster->create(types::kConfigMaps,
                                             parse_yaml_value("metadata: {name: m, namespace: default}"));
    CHECK(made.get("metadata", "managedFields").is_nil());
    CHECK(world.cluster->patch(world.map, PatchType::kMerge, parse_json(R"({"data":{"a":"1"}})"))
              .get("metadata", "managedFields")
              .is_nil());
}

TEST_CASE("lists with keys merge item by item") {
    World world;
    world.apply("one", world.deployment, kDeployment);
    const Value both = world.apply("two", world.deployment, R"(
spec: {template: {spec: {containers: [{name: web, env: [{name: B, value: '2'}]}]}}}
)");
    const List& containers = both.get("spec", "template", "spec", "containers").as_list();
    REQUIRE(containers.size() == 2);
    CHECK(containers[0]["image"] == Value("web:1"));
    CHECK(containers[0]["env"].as_list().size() == 2);
    const Value less = world.apply("one", world.deployment, R"(
spec:
  replicas: 0
  template: {spec: {containers: [{name: web, image: web:2}]}}
)");
    const List& left = less.get("spec", "template", "spec", "containers").as_list();
    REQUIRE(left.size() == 1);  // the side car is gone, and so is one's variable; two's is there
    CHECK(left[0]["image"] == Value("web:2"));
    CHECK(left[0]["env"] == parse_json(R"([{"name":"B","value":"2"}])"));
}

TEST_CASE("what is applied must fit the request") {
    World world;
    CHECK(world.refusal("one", world.map, "metadata: {name: other}").find("does not match") !=
          std::string::npos);
    CHECK(world.refusal("one", world.map, "metadata: {managedFields: []}\ndata: {}").find("must be nil") !=
          std::string::npos);
    CHECK(world.refusal("one", world.map, "kind: Secret").find("is no ConfigMap of v1") != std::string::npos);
    CHECK(world.refusal("one", world.map, "just text").find("no object") != std::string::npos);
    CHECK(!world.cluster->list(types::kConfigMaps, {.ns = "default"}).items.size());
}

TEST_CASE("a set of fields survives being written down") {
    const Value fields = parse_json(
        R"({"f:metadata":{"f:finalizers":{"v:\"x\"":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:image":{}}}}})");
    CHECK(local::FieldSet::from_fields_v1(fields).to_fields_v1() == fields);
}

}  // namespace fencepost::cluster
