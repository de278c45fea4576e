// The embedded cluster as an object store: what an API server promises.
#include "cluster/local/local_cluster.h"

#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <set>
#include <thread>

#include "base/encodings.h"
#include "base/error.h"
#include "base/task_group.h"
#include "tests/unit/eventually.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::cluster {
namespace {

class World {
  public:
    World() {
        std::string name = "/tmp/fencepost-store-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) throw errno_error("mkdtemp", errno);
        folder = name;
        start();
    }
    ~World() {
        cluster.reset();
        std::filesystem::remove_all(folder);
    }
    void start() {
        cluster.reset();
        cluster = local::open_local_cluster({.data_dir = folder, .run_pods = false}, clock, log);
    }
    Value create(const ResourceType& type, std::string_view yaml) {
        return cluster->create(type, parse_yaml_value(yaml));
    }
    Value map(const std::string& name, const std::string& more = "") {
        return create(types::kConfigMaps,
                      "metadata: {name: " + name + ", namespace: default" + more + "}\ndata: {a: '1'}");
    }
    static ObjectKey map_key(const std::string& name) { return {types::kConfigMaps, "default", name}; }
    bool exists(const ObjectKey& key) {
        try {
            (void)cluster->get(key);
            return true;
        } catch (const Error& e) {
            REQUIRE(e.kind() == ErrorKind::kNotFound);
            return false;
        }
    }
    void wait(const std::function<bool()>& condition) { REQUIRE(eventually(condition)); }

    std::filesystem::path folder;
    SystemClock clock;
    Log log{2, Log::Format::kText, LogLevel::kError};
    std::unique_ptr<Cluster> cluster;
};

template <typename Work>
ErrorKind kind_of(Work work) {
    try {
        work();
    } catch (const Error& e) {
        INFO(e.what());
        return e.kind();
    }
    return ErrorKind::kInternal;
}

}  // namespace

TEST_CASE("a created object has uid, resourceVersion, creationTimestamp, and outlives a restart") {
    World world;
    const Value made = world.map("one");
    CHECK(uid_of(made).size() == 36);
    CHECK(!resource_version_of(made).empty());
    CHECK(made["kind"] == Value("ConfigMap"));
    CHECK(made["apiVersion"] == Value("v1"));
    CHECK(made.get("metadata", "creationTimestamp").is_string());
    world.start();
    CHECK(world.cluster->get(World::map_key("one")) == made);
    const Value later = world.map("two");
    CHECK(std::stol(resource_version_of(later)) > std::stol(resource_version_of(made)));
}

TEST_CASE("creating the same name twice, in no namespace, or without a name is refused") {
    World world;
    world.map("one");
    CHECK(kind_of([&] { world.map("one"); }) == ErrorKind::kAlreadyExists);
    CHECK(kind_of([&] { world.map("UPPER"); }) == ErrorKind::kInvalid);
    CHECK(kind_of([&] { world.create(types::kConfigMaps, "metadata: {name: x, namespace: nowhere}"); }) ==
          ErrorKind::kNotFound);
    CHECK(kind_of([&] { world.create(types::kConfigMaps, "metadata: {namespace: default}"); }) ==
          ErrorKind::kInvalid);
    CHECK(kind_of([&] { world.map("bad", ", labels: {a: 'no spaces'}"); }) == ErrorKind::kInvalid);
    CHECK(kind_of([&] {
              world.create({"example.com", "v1", "things"}, "metadata: {name: x, namespace: default}");
          }) == ErrorKind::kNotFound);
}

TEST_CASE("generateName makes names that differ") {
    World world;
    const Value a = world.create(types::kConfigMaps, "metadata: {generateName: run-, namespace: default}");
    const Value b = world.create(types::kConfigMaps, "metadata: {generateName: run-, namespace: default}");
    CHECK(name_of(a).starts_with("run-"));
    CHECK(name_of(a).size() == 9);
    CHECK(name_of(a) != name_of(b));
}

TEST_CASE("replace with a stale resourceVersion conflicts, and an unchanged object keeps its version") {
    World world;
    Value object = world.map("one");
    const Value stale = object;
    object["data"]["a"] = "2";
    object = world.cluster->replace(types::kConfigMaps, object);
    Value late = stale;
    late["data"]["a"] = "3";
    CHECK(kind_of([&] { world.cluster->replace(types::kConfigMaps, late); }) == ErrorKind::kConflict);
    CHECK(resource_version_of(world.cluster->replace(types::kConfigMaps, object)) ==
          resource_version_of(object));
    late["metadata"].erase("resourceVersion");
    CHECK(world.cluster->replace(types::kConfigMaps, late).get("data", "a") == Value("3"));
}

TEST_CASE(
    "status is a subresource where Kubernetes has one, and generation counts changes of the spec alone") {
    World world;
    const std::string claim = "metadata: {name: c, namespace: default}\nspec: {x: 1}\nstatus: {phase: Lost}";
    Value object = world.create(types::kPersistentVolumeClaims, claim);
    CHECK(object.get("status", "phase") == Value("Pending"));
    object["status"]["phase"] = "Bound";
    object["spec"]["x"] = 2;
    Value spec = world.cluster->replace(types::kPersistentVolumeClaims, object);
    CHECK(spec.get("status", "phase") == Value("Pending"));
    CHECK(spec.get("metadata", "generation") == Value(2));
    spec["status"]["phase"] = "Bound";
    spec["spec"]["x"] = 3;
    const Value status =
        world.cluster->replace(types::kPersistentVolumeClaims, spec, {.subresource = "status"});
    CHECK(status.get("status", "phase") == Value("Bound"));
    CHECK(status.get("spec", "x") == Value(2));
    CHECK(status.get("metadata", "generation") == Value(2));

    const Value set =
        world.create(types::kActionSets, "metadata: {name: a, namespace: default}\nstatus: {state: pending}");
    CHECK(set.get("status", "state") ==
          Value("pending"));  // Kanister's clients write it with ordinary updates
}

TEST_CASE("finalizers keep a deleted object until they are gone") {
    World world;
    world.map("one", ", finalizers: [example.com/wait]");
    const Value leaving = world.cluster->remove(World::map_key("one"));
    CHECK(leaving.get("metadata", "deletionTimestamp").is_string());
    CHECK(world.exists(World::map_key("one")));
    CHECK(kind_of([&] {
              world.cluster->patch(World::map_key("one"), PatchType::kMerge,
                                   parse_json(R"({"metadata":{"finalizers":["a/b","example.com/wait"]}})"));
          }) == ErrorKind::kInvalid);
    world.cluster->patch(World::map_key("one"), PatchType::kMerge,
                         parse_json(R"({"metadata":{"finalizers":null}})"));
    CHECK(!world.exists(World::map_key("one")));
}

TEST_CASE("deletion honours preconditions and dry run") {
    World world;
    world.map("one");
    CHECK(kind_of([&] { world.cluster->remove(World::map_key("one"), {.precondition_uid = "other"}); }) ==
          ErrorKind::kConflict);
    CHECK(kind_of([&] {
              world.cluster->remove(World::map_key("one"), {.precondition_resource_version = "1"});
          }) == ErrorKind::kConflict);
    world.cluster->remove(World::map_key("one"), {.dry_run = true});
    CHECK(world.exists(World::map_key("one")));
    world.cluster->remove(World::map_key("one"));
    CHECK(kind_of([&] { world.cluster->remove(World::map_key("one")); }) == ErrorKind::kNotFound);
}

TEST_CASE("a watch tells what is there, what changes, and resumes after a resourceVersion") {
    World world;
    world.map("one", ", labels: {app: pg}");
    const auto watch =
        world.cluster->watch(types::kConfigMaps, {.ns = "default", .label_selector = "app=pg"});
    const auto next = [&](Watch& from) {
        const auto event = from.next({}, std::chrono::steady_clock::now() + kPatience);
        REQUIRE(event);
        return *event;
    };
    CHECK(next(*watch).type == WatchEvent::Type::kAdded);
    world.map("other");
    world.cluster->patch(World::map_key("one"), PatchType::kMerge, parse_json(R"({"data":{"a":"2"}})"));
    const WatchEvent modified = next(*watch);
    CHECK(modified.type == WatchEvent::Type::kModified);
    CHECK(modified.object.get("data", "a") == Value("2"));
    world.cluster->patch(World::map_key("one"), PatchType::kMerge,
                         parse_json(R"({"metadata":{"labels":{"app":"x"}}})"));
    CHECK(next(*watch).type == WatchEvent::Type::kDeleted);  // it left the selection
    world.cluster->remove(World::map_key("one"));

    const auto resumed =
        world.cluster->watch(types::kConfigMaps, {.resource_version = resource_version_of(modified.object)});
    CHECK(next(*resumed).type == WatchEvent::Type::kModified);
    const WatchEvent gone = next(*resumed);
    CHECK(gone.type == WatchEvent::Type::kDeleted);
    CHECK(name_of(gone.object) == "one");
    world.start();
    CHECK(kind_of([&] { (void)world.cluster->watch(types::kConfigMaps, {.resource_version = "1"}); }) ==
          ErrorKind::kGone);
}

TEST_CASE("a watch ends with its token and with its deadline") {
    World world;
    const auto watch = world.cluster->watch(types::kPods, {});
    CHECK(!watch->next({}, std::chrono::steady_clock::now() + std::chrono::milliseconds(5)));
    CancelSource source;
    std::thread canceller([&] { source.cancel(CancelReason::kShutdown); });
    CHECK_THROWS_AS(watch->next(source.token()), Cancelled);
    canceller.join();
}

TEST_CASE("selectors choose by label and field") {
    World world;
    world.map("a", ", labels: {app: pg, tier: x}");
    world.map("b", ", labels: {app: pg}");
    world.map("c", ", labels: {number: '7'}");
    const auto names = [&](const std::string& label, const std::string& field = "") {
        std::string result;
        for (const Value& item :
             world.cluster
                 ->list(types::kConfigMaps,
                        {.ns = "default", .label_selector = label, .field_selector = field})
                 .items)
            result += name_of(item);
        return result;
    };
    CHECK(names("app=pg") == "ab");
    CHECK(names("app==pg,tier") == "a");
    CHECK(names("app in (pg, other),!tier") == "b");
    CHECK(names("app notin (pg)") == "c");
    CHECK(names("app!=pg") == "c");
    CHECK(names("number>6") == "c");
    CHECK(names("number<6").empty());
    CHECK(names("", "metadata.name=b") == "b");
    CHECK(names("", "metadata.name!=b,metadata.namespace=default") == "ac");
    CHECK(kind_of([&] { (void)names("app in pg"); }) == ErrorKind::kInvalid);
}

TEST_CASE("pages of a list continue where the last one ended") {
    World world;
    for (const char* name : {"a", "b", "c", "d", "e"}) world.map(name);
    ListOptions options{.ns = "default", .limit = 2};
    std::string all;
    do {
        const ObjectList page = world.cluster->list(types::kConfigMaps, options);
        for (const Value& item : page.items) all += name_of(item);
        options.continue_token = page.continue_token;
    } while (!options.continue_token.empty());
    CHECK(all == "abcde");
}

TEST_CASE(
    "pages over all namespaces lose nothing, whatever the namespaces are called, and have one version") {
    World world;
    for (const char* ns : {"a", "a-b", "a.b", "b"}) {
        world.create(types::kNamespaces, std::string("metadata: {name: ") + ns + "}");
        for (const char* name : {"p", "q"}) {
            world.create(types::kConfigMaps,
                         std::string("metadata: {name: ") + name + ", namespace: " + ns + "}");
        }
    }
    ListOptions options{.limit = 1};
    std::vector<std::string> all, versions;
    do {
        const ObjectList page = world.cluster->list(types::kConfigMaps, options);
        for (const Value& item : page.items) all.push_back(namespace_of(item) + "/" + name_of(item));
        versions.push_back(page.resource_version);
        options.continue_token = page.continue_token;
        world.map("later-" + std::to_string(all.size()));  // sorts behind: it is given, once
        world.cluster->remove(World::map_key("later-" + std::to_string(all.size())));
    } while (!options.continue_token.empty());
    CHECK(all == std::vector<std::string>{"a/p", "a/q", "a-b/p", "a-b/q", "a.b/p", "a.b/q", "b/p", "b/q"});
    CHECK(std::set<std::string>(versions.begin(), versions.end()).size() == 1);
    for (const char* token : {"bm8=", "eC95L3o=", "***"}) {
        options.continue_token = token;
        CHECK(kind_of([&] { (void)world.cluster->list(types::kConfigMaps, options); }) ==
              ErrorKind::kInvalid);
    }
}

TEST_CASE("the three patches of kubectl") {
    World world;
    world.map("one");
    const ObjectKey key = World::map_key("one");
    CHECK(
        world.cluster->patch(key, PatchType::kMerge, parse_json(R"({"data":{"a":null,"b":"2"}})"))["data"] ==
        parse_json(R"({"b":"2"})"));
    CHECK(
        world.cluster->patch(
            key, PatchType::kJson,
            parse_json(
                R"([{"op":"test","path":"/data/b","value":"2"},{"op":"add","path":"/data/c","value":"3"}])"))
            ["data"] == parse_json(R"({"b":"2","c":"3"})"));
    CHECK(kind_of([&] {
              world.cluster->patch(key, PatchType::kJson,
                                   parse_json(R"([{"op":"test","path":"/data/b","value":"9"}])"));
          }) == ErrorKind::kInvalid);
    CHECK(world.cluster->patch(key, PatchType::kStrategicMerge, parse_json(R"({"data":{"c":"4"}})"))
              .get("data", "c") == Value("4"));
}

TEST_CASE("a Secret's stringData is stored as data, and data that is no base64 is refused") {
    World world;
    const Value secret =
        world.create(types::kSecrets, "metadata: {name: s, namespace: default}\nstringData: {password: x}");
    CHECK(secret.get("data", "password") == Value("eA=="));
    CHECK(secret["stringData"].is_nil());
    CHECK(secret["type"] == Value("Opaque"));
    CHECK(kind_of([&] {
              world.create(types::kSecrets,
                           "metadata: {name: t, namespace: default}\ndata: {password: '***'}");
          }) == ErrorKind::kInvalid);
}

TEST_CASE("a CustomResourceDefinition makes its kind, also after a restart, and takes it away") {
    World world;
    const char* definition =
        "metadata: {name: things.example.com}\nspec: {group: example.com, scope: Namespaced, names: {kind: "
        "Thing, plural: things}, versions: [{name: v1, served: true, storage: true}]}";
    world.create(types::kCustomResourceDefinitions, definition);
    const ResourceType things{"example.com", "v1", "things"};
    world.create(things, "metadata: {name: t, namespace: default}\nspec: {a: 1}");
    world.start();
    const auto type = world.cluster->find_type("example.com", "", "Thing");
    REQUIRE(type);
    CHECK(type->type == things);
    CHECK(world.cluster->get({things, "default", "t"}).get("spec", "a") == Value(1));
    const ObjectKey key{types::kCustomResourceDefinitions, "", "things.example.com"};
    const Value& conditions = world.cluster->get(key).get("status", "conditions");
    CHECK(conditions.as_list().at(1)["type"] == Value("Established"));
    world.cluster->remove(key);
    world.wait([&] { return !world.exists(key); });
    CHECK(!world.cluster->find_type("", "", "things"));
    world.create(types::kCustomResourceDefinitions, definition);
    CHECK(world.cluster->list(things).items.empty());  // its objects went with it
}

TEST_CASE("the definition of a type that is built in changes nothing, coming or going") {
    World world;
    const Value definition = world.create(
        types::kCustomResourceDefinitions,
        "metadata: {name: actionsets.cr.kanister.io}\nspec: {group: cr.kanister.io, scope: Cluster, names: "
        "{kind: "
        "ActionSet, plural: actionsets}, versions: [{name: v1alpha1, served: true, storage: true}]}");
    CHECK(world.cluster->find_type("cr.kanister.io", "v1alpha1", "actionsets")->is_namespaced);
    const ObjectKey key{types::kCustomResourceDefinitions, "", name_of(definition)};
    world.cluster->remove(key);
    world.wait([&] { return !world.exists(key); });
    CHECK(world.cluster->find_type("cr.kanister.io", "v1alpha1", "actionsets"));
}

TEST_CASE("dependents go with their owners: background, foreground and orphan") {
    World world;
    const auto owned = [&](const std::string& name, const Value& owner) {
        return world.map(name,
                         ", ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: " + name_of(owner) +
                             ", uid: " + uid_of(owner) + ", blockOwnerDeletion: true}]");
    };
    owned("child-b", world.map("b"));
    world.cluster->remove(World::map_key("b"));
    world.wait([&] { return !world.exists(World::map_key("child-b")); });

    owned("child-f", world.map("f"));
    world.cluster->remove(World::map_key("f"), {.propagation = DeleteOptions::Propagation::kForeground});
    world.wait(
        [&] { return !world.exists(World::map_key("f")) && !world.exists(World::map_key("child-f")); });

    owned("child-o", world.map("o"));
    world.cluster->remove(World::map_key("o"), {.propagation = DeleteOptions::Propagation::kOrphan});
    world.wait([&] { return !world.exists(World::map_key("o")); });
    CHECK(world.exists(World::map_key("child-o")));

    Value ghost = world.map("ghost");
    ghost["metadata"]["uid"] = "not-there";
    owned("child-g", ghost);
    world.wait([&] { return !world.exists(World::map_key("child-g")); });
}

TEST_CASE("a Namespace that is deleted takes its content along and lets nothing new in") {
    World world;
    world.create(types::kNamespaces, "metadata: {name: app}");
    const Value kept =
        world.create(types::kConfigMaps, "metadata: {name: x, namespace: app, finalizers: [a/b]}");
    world.cluster->remove({types::kNamespaces, "", "app"});
    CHECK(kind_of([&] { world.create(types::kConfigMaps, "metadata: {name: late, namespace: app}"); }) ==
          ErrorKind::kForbidden);
    CHECK(world.exists({types::kNamespaces, "", "app"}));
    world.wait([&] {
        return world.cluster->get({types::kConfigMaps, "app", "x"})
            .get("metadata", "deletionTimestamp")
            .is_string();
    });
    world.cluster->patch({types::kConfigMaps, "app", "x"}, PatchType::kMerge,
                         parse_json(R"({"metadata":{"finalizers":null}})"));
    world.wait([&] { return !world.exists({types::kNamespaces, "", "app"}); });
}

TEST_CASE("a StatefulSet makes its Pods and claims in order and scales down from the last") {
    World world;
    world.create(types::kStatefulSets,
                 "metadata: {name: pg, namespace: default}\nspec: {replicas: 2, serviceName: pg, selector: "
                 "{matchLabels: {app: pg}},\n"
                 " template: {metadata: {labels: {app: pg}}, spec: {containers: [{name: main, image: x}]}},\n"
                 " volumeClaimTemplates: [{metadata: {name: data}, spec: {}}]}");
    const auto pod = [](int n) { return ObjectKey{types::kPods, "default", "pg-" + std::to_string(n)}; };
    world.wait([&] { return world.exists(pod(0)); });
    CHECK(world.exists({types::kPersistentVolumeClaims, "default", "data-pg-0"}));
    CHECK(!world.exists(pod(1)));
    const auto make_ready = [&](int n) {
        world.cluster->patch(
            pod(n), PatchType::kMerge,
            parse_json(R"({"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}})"),
            {.subresource = "status"});
    };
    make_ready(0);
    world.wait([&] { return world.exists(pod(1)); });
    make_ready(1);
    const ObjectKey set{types::kStatefulSets, "default", "pg"};
    world.wait([&] { return world.cluster->get(set).get("status", "readyReplicas") == Value(2); });
    world.cluster->patch(set, PatchType::kMerge, parse_json(R"({"spec":{"replicas":1}})"));
    world.wait([&] { return !world.exists(pod(1)); });
    CHECK(world.exists(pod(0)));
    CHECK(world.exists({types::kPersistentVolumeClaims, "default", "data-pg-1"}));
    world.cluster->remove(set);
    world.wait([&] { return !world.exists(pod(0)); });
}

TEST_CASE("a Deployment keeps its Pods through a ReplicaSet and replaces them when its template changes") {
    World world;
    world.create(
        types::kDeployments,
        "metadata: {name: web, namespace: default}\nspec: {replicas: 2, selector: {matchLabels: {app: "
        "web}},\n"
        " template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: one}]}}}");
    const auto pods = [&](const std::string& image) {
        std::size_t count = 0;
        for (const Value& pod :
             world.cluster->list(types::kPods, {.ns = "default", .label_selector = "app=web"}).items) {
            if (pod.get("spec", "containers").as_list()[0]["image"] != Value(image)) continue;
            ++count;
            if (!pod.get("status", "conditions").is_nil()) continue;
            world.cluster->patch(
                {types::kPods, "default", name_of(pod)}, PatchType::kMerge,
                parse_json(
                    R"({"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}})"),
                {.subresource = "status"});
        }
        return count;
    };
    world.wait([&] { return pods("one") == 2; });
    const ObjectKey key{types::kDeployments, "default", "web"};
    world.wait([&] { return world.cluster->get(key).get("status", "readyReplicas") == Value(2); });
    world.cluster->patch(
        key, PatchType::kStrategicMerge,
        parse_json(R"({"spec":{"template":{"spec":{"containers":[{"name":"main","image":"two"}]}}}})"));
    world.wait([&] { return pods("two") == 2 && pods("one") == 0; });
}

TEST_CASE("writers at once each get their own revision, and none is lost") {
    World world;
    world.map("counter", ", annotations: {count: '0'}");
    std::atomic<int> failures{0};
    {
        TaskGroup writers;
        for (int i = 0; i < 8; ++i) {
            writers.spawn([&] {
                for (int n = 0; n < 25; ++n) {
                    try {
                        update(*world.cluster, World::map_key("counter"),
                               [](Value& object) {
                                   Value& counter = object["metadata"]["annotations"]["count"];
                                   counter = std::to_string(std::stoi(counter.as_string()) + 1);
                                   return true;
                               },
                               {});
                    } catch (const Error&) {
                        ++failures;
                    }
                }
            });
        }
    }
    CHECK(failures == 0);
    CHECK(world.cluster->get(World::map_key("counter")).get("metadata", "annotations", "count") ==
          Value("200"));
}

TEST_CASE("a second daemon on the same folder is refused with the first one's pid") {
    World world;
    Log log(2, Log::Format::kText, LogLevel::kError);
    try {
        (void)local::open_local_cluster({.data_dir = world.folder, .run_pods = false}, world.clock, log);
        FAIL("it was let in");
    } catch (const Error& e) {
        CHECK(e.kind() == ErrorKind::kFailedPrecondition);
        CHECK_THAT(e.message(), Catch::Contains(std::to_string(::getpid())));
    }
}

TEST_CASE("an object above 1.5 MiB is refused") {
    World world;
    Value object = parse_yaml_value("metadata: {name: big, namespace: default}");
    object["data"]["a"] = std::string(std::size_t{2} << 20U, 'x');
    CHECK(kind_of([&] { world.cluster->create(types::kConfigMaps, object); }) == ErrorKind::kTooLarge);
}

TEST_CASE("a Pod's spec cannot change, but for images") {
    World world;
    world.create(types::kPods,
                 "metadata: {name: p, namespace: default}\nspec: {containers: [{name: main, image: a}]}");
    const ObjectKey key{types::kPods, "default", "p"};
    CHECK(world.cluster
              ->patch(key, PatchType::kStrategicMerge,
                      parse_json(R"({"spec":{"containers":[{"name":"main","image":"b"}]}})"))
              .get("spec", "containers")
              .as_list()[0]["image"] == Value("b"));
    CHECK(kind_of([&] {
              world.cluster->patch(
                  key, PatchType::kStrategicMerge,
                  parse_json(R"({"spec":{"containers":[{"name":"main","command":["x"]}]}})"));
          }) == ErrorKind::kInvalid);
}

TEST_CASE("the database is for nobody else's eyes") {
    World world;
    for (const char* file : {"cluster.db", "cluster.db-wal"}) {
        CAPTURE(file);
        const auto mode = std::filesystem::status(world.folder / file).permissions();
        CHECK((mode & (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) ==
              std::filesystem::perms::none);
    }
}

TEST_CASE("Events of the day before yesterday go with the next ones, also after a restart") {
    World world;
    world.cluster.reset();
    ManualClock clock;
    const auto open = [&] {
        return local::open_local_cluster({.data_dir = world.folder, .run_pods = false}, clock, world.log);
    };
    const auto tell = [&](const std::string& name) {
        world.create(types::kEvents, "metadata: {name: " + name + ", namespace: default}\nreason: Started");
    };
    const auto is_there = [&](const std::string& name) {
        return world.exists({types::kEvents, "default", name});
    };
    world.cluster = open();
    constexpr int kOld = 25;  // more than go with one new Event
    for (int i = 0; i < kOld; ++i) tell("old-" + std::to_string(i));
    clock.advance(std::chrono::hours(23));
    tell("recent");
    clock.advance(std::chrono::hours(2));
    CHECK(is_there("old-0"));
    tell("new");
    world.cluster.reset();
    world.cluster = open();
    const auto is_any_old = [&] {
        for (int i = 0; i < kOld; ++i) {
            if (is_there("old-" + std::to_string(i))) return true;
        }
        return false;
    };
    world.wait([&] { return !is_any_old(); });
    CHECK(is_there("recent"));
    CHECK(is_there("new"));
}

}  // namespace fencepost::cluster
