// What everything above Cluster relies on, asked of every cluster that there is. Where they differ, is_real()
// says so.
#include <set>

#include "any_cluster.h"
#include "base/task_group.h"
#include "tests/unit/eventually.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::cluster {
namespace {

class World : public AnyCluster {
  public:
    using AnyCluster::AnyCluster;
    [[nodiscard]] ObjectKey map_key(const std::string& name) const { return {types::kConfigMaps, ns, name}; }
    Value map(const std::string& name, const std::string& labels = "{}") {
        return cluster().create(types::kConfigMaps,
                                parse_yaml_value("metadata: {name: " + name + ", namespace: " + ns +
                                                 ", labels: " + labels + "}\ndata: {a: '1'}"));
    }
    static WatchEvent next(Watch& watch) {
        auto event = watch.next({}, std::chrono::steady_clock::now() + kPatience);
        REQUIRE(event);
        return *std::move(event);
    }
};

}  // namespace

TEST_CASE("an object is created, read, changed and removed") {
    ON_EVERY_CLUSTER();
    const Value made = world.map("one");
    CHECK(made["kind"] == Value("ConfigMap"));
    CHECK(made["apiVersion"] == Value("v1"));
    CHECK(!uid_of(made).empty());
    CHECK(!resource_version_of(made).empty());
    CHECK(world.cluster().get(world.map_key("one"))["data"] == made["data"]);

    Value changed = made;
    changed["data"]["a"] = "2";
    const Value stored = world.cluster().replace(types::kConfigMaps, changed);
    CHECK(stored["data"]["a"] == Value("2"));
    CHECK(resource_version_of(stored) != resource_version_of(made));
    CHECK(uid_of(stored) == uid_of(made));

    const Value gone = world.cluster().remove(world.map_key("one"));
    CHECK(name_of(gone) == "one");
    CHECK(uid_of(gone) == uid_of(made));
    CHECK(World::kind_of([&] { (void)world.cluster().get(world.map_key("one")); }) == ErrorKind::kNotFound);
    CHECK(World::kind_of([&] { world.cluster().remove(world.map_key("one")); }) == ErrorKind::kNotFound);
}

TEST_CASE("what cannot be is refused with the kind that callers look at") {
    ON_EVERY_CLUSTER();
    const Value made = world.map("one");
    CHECK(World::kind_of([&] { world.map("one"); }) == ErrorKind::kAlreadyExists);
    CHECK(World::kind_of([&] { world.map("UPPER"); }) == ErrorKind::kInvalid);
    CHECK(World::kind_of([&] { world.map("bad", "{a: 'no spaces'}"); }) == ErrorKind::kInvalid);
    Value stale = made;
    stale["data"]["a"] = "2";
    (void)world.cluster().replace(types::kConfigMaps, stale);
    stale["data"]["a"] = "3";
    CHECK(World::kind_of([&] { world.cluster().replace(types::kConfigMaps, stale); }) ==
          ErrorKind::kConflict);
    CHECK(World::kind_of([&] {
              world.cluster().remove(world.map_key("one"), {.precondition_uid = random_uuid()});
          }) == ErrorKind::kConflict);
    CHECK(World::kind_of([&] {
              world.cluster().remove(world.map_key("one"),
                                     {.precondition_resource_version = resource_version_of(made)});
          }) == ErrorKind::kConflict);
    const ResourceType unknown{"example.com", "v1", "things"};
    CHECK(World::kind_of([&] { (void)world.cluster().list(unknown); }) == ErrorKind::kNotFound);
    CHECK(World::kind_of([&] {
              world.cluster().create(unknown,
                                     parse_yaml_value("metadata: {name: a, namespace: " + world.ns + "}"));
          }) == ErrorKind::kNotFound);
    CHECK(World::kind_of([&] { (void)world.cluster().get({types::kConfigMaps, "nowhere", "x"}); }) ==
          ErrorKind::kNotFound);
}

TEST_CASE("generateName makes names that differ") {
    ON_EVERY_CLUSTER();
    std::set<std::string> names;
    for (int i = 0; i < 5; ++i) {
        names.insert(name_of(world.cluster().create(
            types::kConfigMaps,
            parse_yaml_value("metadata: {generateName: made-, namespace: " + world.ns + "}"))));
    }
    CHECK(names.size() == 5);
    CHECK(names.begin()->starts_with("made-"));
}

TEST_CASE("update() gets through conflicts with other writers") {
    ON_EVERY_CLUSTER();
    world.map("counter");
    TaskGroup writers;
    for (int i = 0; i < 4; ++i) {
        writers.spawn([&] {
            for (int j = 0; j < 5; ++j) {
                update(world.cluster(), world.map_key("counter"),
                       [](Value& object) {
                           object["data"]["a"] =
                               std::to_string(std::stoi(object["data"]["a"].as_string()) + 1);
                           return true;
                       },
                       {});
            }
        });
    }
    writers.join();
    CHECK(world.cluster().get(world.map_key("counter"))["data"]["a"] == Value("21"));
}

TEST_CASE("patches of every kind") {
    ON_EVERY_CLUSTER();
    world.map("one");
    const ObjectKey key = world.map_key("one");
    const auto patched = [&](PatchType type, std::string_view json, const PatchOptions& options = {}) {
        return world.cluster().patch(key, type, parse_json(json), options);
    };
    CHECK(patched(PatchType::kMerge, R"({"data":{"b":"2","a":null}})")["data"] == Value(Map{{"b", "2"}}));
    CHECK(patched(PatchType::kJson, R"([{"op":"add","path":"/data/c","value":"3"}])")["data"]["c"] ==
          Value("3"));
    CHECK(patched(PatchType::kStrategicMerge,
                  R"({"metadata":{"labels":{"x":"y"}}})")["metadata"]["labels"]["x"] == Value("y"));
    const std::string mine =
        R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one","namespace":")" + world.ns +
        R"("},"data":{"d":"4"}})";
    CHECK(patched(PatchType::kApply, mine, {.field_manager = "contract"})["data"]["d"] == Value("4"));
    CHECK(World::kind_of([&] {
              patched(PatchType::kJson, R"([{"op":"test","path":"/data/c","value":"other"}])");
          }) == ErrorKind::kInvalid);
    CHECK(patched(PatchType::kMerge, R"({"data":{"e":"5"}})",
                  {.field_manager = "x", .dry_run = true})["data"]["e"] == Value("5"));
    CHECK(world.cluster().get(key)["data"]["e"].is_nil());
}

TEST_CASE("lists select by label and field, and come in pages") {
    ON_EVERY_CLUSTER();
    for (int i = 0; i < 7; ++i) world.map("m" + std::to_string(i), i % 2 == 0 ? "{app: pg}" : "{app: web}");
    const auto names = [&](ListOptions options) {
        options.ns = world.ns;
        std::string all;
        for (const Value& item : world.cluster().list(types::kConfigMaps, options).items) {
            CHECK(item["kind"] == Value("ConfigMap"));
            CHECK(item["apiVersion"] == Value("v1"));
            if (name_of(item) != "kube-root-ca.crt") all += name_of(item) + " ";
        }
        return all;
    };
    CHECK(names({.label_selector = "app=pg"}) == "m0 m2 m4 m6 ");
    CHECK(names({.label_selector = "app in (web,pg),app!=pg"}) == "m1 m3 m5 ");
    CHECK(names({.label_selector = "!app"}).empty());
    CHECK(names({.field_selector = "metadata.name=m3"}) == "m3 ");

    ListOptions page{.ns = world.ns, .label_selector = "app", .limit = 3};
    std::string paged;
    int pages = 0;
    do {
        const ObjectList list = world.cluster().list(types::kConfigMaps, page);
        for (const Value& item : list.items) paged += name_of(item) + " ";
        page.continue_token = list.continue_token;
        ++pages;
    } while (!page.continue_token.empty());
    CHECK(paged == "m0 m1 m2 m3 m4 m5 m6 ");
    CHECK(pages == 3);
    ListOptions nonsense{.ns = world.ns, .limit = 3, .continue_token = "nonsense"};
    CHECK(World::kind_of([&] { (void)world.cluster().list(types::kConfigMaps, nonsense); }) ==
          ErrorKind::kInvalid);
}

TEST_CASE("a watch begins with what is there and goes on with every change") {
    ON_EVERY_CLUSTER();
    world.map("one", "{app: pg}");
    const auto watch =
        world.cluster().watch(types::kConfigMaps, {.ns = world.ns, .label_selector = "app=pg"});
    WatchEvent event = World::next(*watch);
    CHECK(event.type == WatchEvent::Type::kAdded);
    CHECK(name_of(event.object) == "one");
    world.map("other", "{app: web}");
    world.map("two", "{app: pg}");
    CHECK(name_of(World::next(*watch).object) == "two");
    world.cluster().patch(world.map_key("two"), PatchType::kMerge, parse_json(R"({"data":{"a":"2"}})"));
    event = World::next(*watch);
    CHECK(event.type == WatchEvent::Type::kModified);
    CHECK(event.object["data"]["a"] == Value("2"));
    // Leaving the selection is a deletion for this watch.
    world.cluster().patch(world.map_key("two"), PatchType::kMerge,
                          parse_json(R"({"metadata":{"labels":{"app":"web"}}})"));
    event = World::next(*watch);
    CHECK(event.type == WatchEvent::Type::kDeleted);
    CHECK(name_of(event.object) == "two");
    world.cluster().remove(world.map_key("one"));
    event = World::next(*watch);
    CHECK(event.type == WatchEvent::Type::kDeleted);
    CHECK(name_of(event.object) == "one");
    CHECK(!watch->next({}, std::chrono::steady_clock::now() + std::chrono::milliseconds(50)));
}

TEST_CASE("where metadata is enough, nothing else comes") {
    ON_EVERY_CLUSTER();
    const Value made = world.map("one", "{app: pg}");
    const auto is_bare = [&](const Value& object) {
        return name_of(object) == "one" && uid_of(object) == uid_of(made) &&
               object["metadata"]["labels"]["app"] == Value("pg") && object.as_map().size() == 1;
    };
    const ObjectList list = world.cluster().list(
        types::kConfigMaps, {.ns = world.ns, .label_selector = "app=pg", .metadata_only = true});
    REQUIRE(list.items.size() == 1);
    CHECK(is_bare(list.items.front()));
    const auto watch = world.cluster().watch(
        types::kConfigMaps, {.ns = world.ns, .label_selector = "app=pg", .metadata_only = true});
    CHECK(is_bare(World::next(*watch).object));
    world.cluster().patch(world.map_key("one"), PatchType::kMerge, parse_json(R"({"data":{"a":"2"}})"));
    const WatchEvent changed = World::next(*watch);
    CHECK(changed.type == WatchEvent::Type::kModified);
    CHECK(is_bare(changed.object));
    world.cluster().remove(world.map_key("one"));
    const WatchEvent gone = World::next(*watch);
    CHECK(gone.type == WatchEvent::Type::kDeleted);
    CHECK(is_bare(gone.object));
}

TEST_CASE("a watch goes on from a resourceVersion, and ends with its token") {
    ON_EVERY_CLUSTER();
    const Value first = world.map("one");
    world.map("two");
    const auto watch = world.cluster().watch(
        types::kConfigMaps, {.ns = world.ns, .resource_version = resource_version_of(first)});
    WatchEvent event = World::next(*watch);
    while (name_of(event.object) == "kube-root-ca.crt") event = World::next(*watch);
    CHECK(event.type == WatchEvent::Type::kAdded);
    CHECK(name_of(event.object) == "two");
    CancelSource source;
    TaskGroup other;
    other.spawn([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        source.cancel(CancelReason::kUser);
    });
    CHECK_THROWS_AS(
        [&] {
            for (;;) (void)watch->next(source.token());
        }(),
        Cancelled);
}

TEST_CASE("what happens between the list and the watch is not lost") {
    ON_EVERY_CLUSTER();
    const auto watch =
        world.cluster().watch(types::kConfigMaps, {.ns = world.ns, .field_selector = "metadata.name=brief"});
    world.map("brief");
    world.cluster().remove(world.map_key("brief"));
    CHECK(World::next(*watch).type == WatchEvent::Type::kAdded);
    CHECK(World::next(*watch).type == WatchEvent::Type::kDeleted);
}

TEST_CASE("a finalizer holds a deleted object until it is taken off") {
    ON_EVERY_CLUSTER();
    world.cluster().create(types::kConfigMaps,
                           parse_yaml_value("metadata: {name: held, namespace: " + world.ns +
                                            ", finalizers: [example.com/hold]}"));
    const ObjectKey key = world.map_key("held");
    world.cluster().remove(key);
    CHECK(world.cluster().get(key)["metadata"]["deletionTimestamp"].is_string());
    update(world.cluster(), key,
           [](Value& object) {
               object["metadata"].writable_map().erase("finalizers");
               return true;
           },
           {});
    CHECK(World::kind_of([&] { (void)world.cluster().get(key); }) == ErrorKind::kNotFound);
}

TEST_CASE("types are found by kind, plural, singular and short name") {
    ON_EVERY_CLUSTER();
    for (const char* name : {"statefulset", "StatefulSet", "statefulsets", "sts"}) {
        const auto type = world.cluster().find_type("", "", name);
        REQUIRE(type);
        CHECK(type->type == types::kStatefulSets);
        CHECK(type->kind == "StatefulSet");
        CHECK(type->is_namespaced);
        CHECK(type->has_status_subresource);
    }
    const auto core = world.cluster().find_type("", "v1", "secret");
    REQUIRE(core);
    CHECK(core->type == types::kSecrets);
    CHECK(!world.cluster().find_type("", "", "nonsense"));
    const auto ns = world.cluster().find_type("", "v1", "namespaces");
    REQUIRE(ns);
    CHECK(!ns->is_namespaced);
}

TEST_CASE("a custom type is there once it is defined, with a status of its own where it says so") {
    ON_EVERY_CLUSTER();
    const std::string group = world.ns + ".example.com";
    const ResourceType type{group, "v1", "widgets"};
    const std::string definition = "widgets." + group;
    world.cluster().create(types::kCustomResourceDefinitions, parse_yaml_value(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: )" + definition + R"(}
spec:
  group: )" + group + R"(
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wd]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
)"));
    const Deadline limit = std::chrono::steady_clock::now() + kPatience;
    while (!world.cluster().find_type(group, "v1", "wd")) {
        REQUIRE(std::chrono::steady_clock::now() < limit);
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    Value object =
        world.cluster().create(type, parse_yaml_value("metadata: {name: w, namespace: " + world.ns +
                                                      "}\nspec: {size: 1}\nstatus: {ok: true}"));
    CHECK(object["kind"] == Value("Widget"));
    CHECK(object["status"].is_nil());
    object["status"]["ok"] = true;
    object["spec"]["size"] = 2;
    object = world.cluster().replace(type, object, {.subresource = "status"});
    CHECK(object["status"]["ok"] == Value(true));
    CHECK(object["spec"]["size"] == Value(1));
    world.cluster().remove({types::kCustomResourceDefinitions, "", definition});
}

TEST_CASE("an API server that cannot be reached is told from one that refuses") {
    const auto http = net::make_http_client();
    SystemClock clock;
    kube::Connection connection;
    connection.server = "http://127.0.0.1:1";
    connection.authorization = [] { return std::string(); };
    const auto cluster =
        kube::open_kube_cluster(connection, *http, clock, {.patience = std::chrono::milliseconds(300)});
    const auto began = std::chrono::steady_clock::now();
    CHECK(World::kind_of([&] { (void)cluster->get({types::kPods, "a", "b"}); }) == ErrorKind::kUnavailable);
    CHECK(std::chrono::steady_clock::now() - began > std::chrono::milliseconds(100));
}

}  // namespace fencepost::cluster
