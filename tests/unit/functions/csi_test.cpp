// The CSI functions, on the embedded cluster, which makes volumes and snapshots of folders.
#include <algorithm>

#include "functions/volume_snapshot.h"
#include "functions_world.h"

namespace fencepost::functions {

using Catch::Contains;

namespace {

// A world with a class of snapshots, and a claim `data` whose folder holds `text`.
class CsiWorld : public FunctionsWorld {
  public:
    CsiWorld() {
        create(
            "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshotClass, metadata: {name: fast}, "
            "driver: "
            "fencepost.io/folder, deletionPolicy: Delete}");
        create(
            "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshotClass, metadata: {name: keep}, "
            "driver: "
            "fencepost.io/folder, deletionPolicy: Retain}");
        claim("data");
        std::ofstream(volume("data") / "text") << "old";
    }

    // A claim of 1Gi; with a source it is bound only once there is that snapshot.
    void claim(const std::string& name, const std::string& snapshot = "") {
        const std::string source =
            snapshot.empty()
                ? ""
                : ", dataSource: {apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: " +
                      snapshot + "}";
        create(
            "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: " + name +
            ", namespace: app}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}" +
            source + "}}");
        if (snapshot.empty()) wait_bound(name);
    }
    void wait_bound(const std::string& name) {
        wait_until([&] {
            return get(types::kPersistentVolumeClaims, name).get("status", "phase") == Value("Bound");
        });
    }
    std::filesystem::path volume(const std::string& name) {
        return folder / "data/volumes/app" / cluster::uid_of(get(types::kPersistentVolumeClaims, name));
    }
    std::string text_on(const std::string& name) { return read_file(volume(name) / "text"); }

    void wait_until(const std::function<bool()>& is_so) {
        const bool came = eventually(is_so);
        INFO(to_json(Value(snapshots())) << to_json(Value(cluster->list(types::kActionSets, {}).items)));
        REQUIRE(came);
    }
    std::vector<Value> snapshots() { return cluster->list(types::kVolumeSnapshots, {.ns = "app"}).items; }
    std::vector<Value> contents() { return cluster->list(types::kVolumeSnapshotContents, {}).items; }
    bool is_there(const cluster::ResourceType& type, const std::string& name, const std::string& ns = "app") {
        try {
            (void)get(type, name, ns);
            return true;
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound) throw;
            return false;
        }
    }
    void wait_begun(const std::string& run) {
        wait_until([&] {
            const Value object = get(types::kActionSets, run, "default");
            return object.get("status", "actions").is_list() &&
                   FunctionsWorld::phase(object)["state"] == Value("running");
        });
    }
    // The one snapshot there is, once it says that it fails.
    Value wait_for_trouble() {
        wait_until([&] {
            const auto all = snapshots();
            return all.size() == 1 && all[0].get("status", "error", "message").is_string();
        });
        return snapshots()[0];
    }
    // A snapshot of a claim that is not bound: it fails until there is a VolumeSnapshot `late`.
    std::string start_pending(const std::string& more = "", const std::string& phase_more = "") {
        claim("pending", "late");
        return start("[{func: CreateCSISnapshot, name: one" + phase_more +
                     ", args: {pvc: pending, namespace: app, snapshotClass: fast" + more + "}}]");
    }
    void make_late() {
        create(
            "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: late, "
            "namespace: "
            "app}, spec: {source: {persistentVolumeClaimName: data}}}");
    }
    // Of the claim `data`, and its handle.
    std::string take(const std::string& name, const std::string& snapshot_class) {
        const Value made =
            outputs("CreateCSISnapshot",
                    "{pvc: data, namespace: app, snapshotClass: " + snapshot_class + ", name: " + name + "}");
        return get(types::kVolumeSnapshotContents, made["snapshotContent"].as_string(), "")
            .get("status", "snapshotHandle")
            .as_string();
    }
};

constexpr const char* kPhase = "{pvc: data, namespace: app, snapshotClass: fast";

std::string restore(const std::string& name, const std::string& claim, const std::string& more = "") {
    return "{name: " + name + ", pvc: " + claim + ", namespace: app, storageClass: any" +
           (more.find("restoreSize") == std::string::npos ? ", restoreSize: 1Gi" : "") + more + "}";
}

std::string import(const std::string& name, const std::string& handle, const std::string& spelling) {
    return "{name: " + name + ", namespace: app, driver: fencepost.io/folder, snapshotClass: keep, " +
           spelling + ": " + handle + "}";
}

}  // namespace

TEST_CASE("CreateCSISnapshot keeps what a claim holds, and RestoreCSISnapshot gives it back in a new one") {
    CsiWorld world;
    const Value made = world.outputs("CreateCSISnapshot", std::string(kPhase) + ", labels: {app: pg}}");
    const std::string name = made["name"].as_string();
    CHECK_THAT(name, Catch::Matchers::Matches("data-snapshot-[0-9a-f]{10}"));
    CHECK(made["pvc"] == Value("data"));
    CHECK(made["namespace"] == Value("app"));
    CHECK(made["restoreSize"] == Value("1073741824"));
    const Value stored = world.get(types::kVolumeSnapshots, name);
    CHECK(stored.get("metadata", "labels") == parse_json(R"({"app":"pg"})"));
    CHECK(stored.get("spec", "volumeSnapshotClassName") == Value("fast"));
    CHECK(made["snapshotContent"] == stored.get("status", "boundVolumeSnapshotContentName"));

    std::ofstream(world.volume("data") / "text") << "new";
    CHECK(world.outputs("RestoreCSISnapshot",
                        restore(name, "again",
                                ", restoreSize: '1073741824', labels: {for: test}, accessModes: "
                                "[ReadWriteOnce, ReadOnlyMany]")) == Value());
    world.wait_bound("again");
    CHECK(world.text_on("again") == "old");
    CHECK(world.text_on("data") == "new");
    const Value claim = world.get(types::kPersistentVolumeClaims, "again");
    CHECK(claim.get("metadata", "labels") == parse_json(R"({"for":"test"})"));
    CHECK(claim["spec"]["accessModes"] == parse_json(R"(["ReadWriteOnce","ReadOnlyMany"])"));
    CHECK(claim["spec"]["volumeMode"] == Value("Filesystem"));
    CHECK(claim["spec"]["storageClassName"] == Value("any"));
    CHECK(claim.get("spec", "resources", "requests", "storage") == Value("1073741824"));
}

TEST_CASE(
    "CreateCSISnapshot fails at once for a claim or class that is not there, and a name that is taken") {
    CsiWorld world;
    const auto error = [&](const std::string& args) { return world.error("CreateCSISnapshot", args); };
    CHECK_THAT(error("{pvc: nobody, namespace: app, snapshotClass: fast}"),
               Contains("Failed to find PVC nobody, Namespace app"));
    CHECK_THAT(error("{pvc: data, namespace: app, snapshotClass: slow}"),
               Contains("there is no VolumeSnapshotClass 'slow'"));
    CHECK_THAT(error("{pvc: data, namespace: app}"), Contains("Required arg missing: snapshotClass"));
    (void)world.outputs("CreateCSISnapshot", std::string(kPhase) + ", name: mine}");
    const std::string uid = cluster::uid_of(world.get(types::kVolumeSnapshots, "mine"));
    CHECK_THAT(error(std::string(kPhase) + ", name: mine}"),
               Contains("there is a VolumeSnapshot app/mine already"));
    CHECK(cluster::uid_of(world.get(types::kVolumeSnapshots, "mine")) == uid);
    CHECK(world.snapshots().size() == 1);
}

TEST_CASE("CreateCSISnapshot outlasts an error of the driver's, and tells it in the phase's log") {
    CsiWorld world;
    const std::string run = world.start_pending();
    const Value failing = world.wait_for_trouble();
    const std::string trouble = "persistentvolumeclaim \"pending\" is not bound yet";
    world.wait_until([&] { return world.log_of(run).find(trouble) != std::string::npos; });
    world.make_late();
    const Value done = world.finish(run);
    INFO(to_json(done, {.indent = "  "}));
    CHECK(done.get("status", "state") == Value("complete"));
    CHECK(FunctionsWorld::phase(done).get("output", "name") == Value(cluster::name_of(failing)));
}

TEST_CASE("at its timeout CreateCSISnapshot tells what the driver said, and removes what it had begun") {
    CsiWorld world;
    const Value done = world.finish(world.start_pending(", name: mine", ", timeout: 2s"));
    CHECK(done.get("status", "state") == Value("failed"));
    CHECK_THAT(FunctionsWorld::message(done),
               Contains("phase 'one' of action 'go'") &&
                   Contains("VolumeSnapshot app/mine is not ready in time") &&
                   Contains("persistentvolumeclaim \"pending\" is not bound yet"));
    world.wait_until([&] { return world.snapshots().empty(); });
}

TEST_CASE("a phase that is tried again takes its snapshot anew, under the same name") {
    CsiWorld world;
    const std::string run = world.start_pending(", name: mine", ", timeout: 2s, retries: 50, backoff: 10ms");
    const std::string first = cluster::uid_of(world.wait_for_trouble());
    world.wait_until([&] {
        const auto all = world.snapshots();
        return all.size() == 1 && cluster::uid_of(all[0]) != first;
    });
    world.make_late();
    const Value done = world.finish(run);
    INFO(to_json(done, {.indent = "  "}));
    CHECK(done.get("status", "state") == Value("complete"));
    CHECK(FunctionsWorld::phase(done).get("output", "name") == Value("mine"));
}

TEST_CASE("a snapshot that somebody deletes while it is waited for fails the phase at once") {
    CsiWorld world;
    const std::string run = world.start_pending();
    const std::string name = cluster::name_of(world.wait_for_trouble());
    world.cluster->remove({types::kVolumeSnapshots, "app", name});
    CHECK_THAT(FunctionsWorld::message(world.finish(run)),
               Contains("VolumeSnapshot app/" + name + " was deleted by somebody else before it was ready"));
}

TEST_CASE("an engine that comes back goes on waiting for the snapshot that it had begun") {
    for (const std::string name : {"", ", name: mine"}) {
        CAPTURE(name);
        CsiWorld world;
        const std::string run = world.start_pending(name);
        const std::string uid = cluster::uid_of(world.wait_for_trouble());
        world.restart();
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        REQUIRE(world.snapshots().size() == 1);
        world.make_late();
        const Value done = world.finish(run);
        INFO(to_json(done, {.indent = "  "}));
        REQUIRE(done.get("status", "state") == Value("complete"));
        CHECK(FunctionsWorld::phase(done)["attempts"] == Value(1));
        const std::string told = FunctionsWorld::phase(done).get("output", "name").as_string();
        CHECK(cluster::uid_of(world.get(types::kVolumeSnapshots, told)) == uid);
        CHECK(world.snapshots().size() == 2);  // and `late`
    }
}

TEST_CASE("an engine that comes back does not take somebody else's snapshot of that name for its own") {
    CsiWorld world;
    const std::string run = world.start_pending(", name: mine");
    (void)world.wait_for_trouble();
    world.engine.reset();
    world.cluster->remove({types::kVolumeSnapshots, "app", "mine"});
    world.create(
        "{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: mine, namespace: "
        "app}, "
        "spec: {source: {persistentVolumeClaimName: data}}}");
    world.restart();
    CHECK_THAT(FunctionsWorld::message(world.finish(run)),
               Contains("there is a VolumeSnapshot app/mine already"));
    CHECK(world.is_there(types::kVolumeSnapshots, "mine"));
}

TEST_CASE("cancelled while it waits, CreateCSISnapshot leaves no snapshot behind") {
    CsiWorld world;
    const std::string run = world.start_pending();
    (void)world.wait_for_trouble();
    world.cluster->patch({types::kActionSets, "default", run}, cluster::PatchType::kMerge,
                         parse_json(R"({"spec":{"cancel":true}})"));
    CHECK(world.finish(run).get("status", "state") == Value("failed"));
    world.wait_until([&] { return world.snapshots().empty(); });
}

TEST_CASE("an error fails once it has stood for minutes without a break") {
    ErrorPatience patience;
    const SteadyTime start{std::chrono::hours{1}};
    const auto is_over = [&](bool has_error, std::chrono::seconds after) {
        return patience.is_over(has_error, start + after);
    };
    CHECK_FALSE(is_over(false, std::chrono::hours{5}));
    CHECK_FALSE(is_over(true, std::chrono::hours{6}));
    CHECK_FALSE(is_over(true, std::chrono::hours{6} + kErrorPatience - std::chrono::seconds{1}));
    CHECK_FALSE(is_over(false, std::chrono::hours{6} + kErrorPatience));
    CHECK_FALSE(is_over(true, std::chrono::hours{6} + kErrorPatience));
    CHECK(is_over(true, std::chrono::hours{6} + 2 * kErrorPatience));
}

TEST_CASE("where a driver tells no size, what is restored needs the size of its source") {
    const Value snapshot = parse_json(
        R"({"metadata":{"name":"s","namespace":"n"},"status":{"restoreSize":"0","boundVolumeSnapshotContentName":"c"}})");
    CHECK_FALSE(tells_size(snapshot));
    CHECK_FALSE(tells_size(parse_json(R"({"status":{}})")));
    CHECK(Value(snapshot_outputs(snapshot, "2Gi")) ==
          parse_json(R"({"name":"s","namespace":"n","restoreSize":"2Gi","snapshotContent":"c"})"));
}

TEST_CASE("CreateCSISnapshotStatic makes a snapshot of a handle, by either name of the argument") {
    CsiWorld world;
    const std::string handle = world.take("first", "keep");
    (void)world.outputs("DeleteCSISnapshot", "{name: first, namespace: app}");
    int count = 0;
    for (const std::string spelling : {"snapshotHandle", "handle"}) {
        CAPTURE(spelling);
        const std::string name = "imported-" + std::to_string(++count);
        const Value made = world.outputs("CreateCSISnapshotStatic", import(name, handle, spelling));
        CHECK(made["name"] == Value(name));
        CHECK(made["namespace"] == Value("app"));
        CHECK(made["restoreSize"] == Value("0"));
        const std::string content = made["snapshotContent"].as_string();
        CHECK_THAT(content, Catch::Matchers::Matches(name + "-content-[0-9a-f]{10}"));
        CHECK(world.get(types::kVolumeSnapshotContents, content, "")["spec"]["deletionPolicy"] ==
              Value("Retain"));
        (void)world.outputs("RestoreCSISnapshot", restore(name, "again-" + std::to_string(count)));
        world.wait_bound("again-" + std::to_string(count));
        CHECK(world.text_on("again-" + std::to_string(count)) == "old");
    }
    CHECK_THAT(
        world.error("CreateCSISnapshotStatic", "{name: x, namespace: app, driver: d, snapshotClass: keep}"),
        Contains("Required arg missing: snapshotHandle"));
    CHECK_THAT(world.error("CreateCSISnapshotStatic",
                           "{name: x, namespace: app, driver: d, snapshotClass: slow, handle: h}"),
               Contains("there is no VolumeSnapshotClass 'slow'"));
    CHECK_FALSE(world.is_there(types::kVolumeSnapshots, "x"));
}

TEST_CASE("CreateCSISnapshotStatic takes up what is there for the same handle, and nothing else") {
    CsiWorld world;
    const std::string handle = world.take("first", "keep");
    const Value made = world.outputs("CreateCSISnapshotStatic", import("imported", handle, "handle"));
    const std::size_t count = world.contents().size();
    CHECK(world.outputs("CreateCSISnapshotStatic", import("imported", handle, "handle")) == made);
    CHECK(world.contents().size() == count);
    const std::string refused = "VolumeSnapshot app/imported already, for another handle than 'other'";
    CHECK_THAT(world.error("CreateCSISnapshotStatic", import("imported", "other", "handle")),
               Contains(refused));
    CHECK_THAT(world.error("CreateCSISnapshotStatic", import("first", handle, "handle")),
               Contains("VolumeSnapshot app/first already"));
}

TEST_CASE(
    "CreateCSISnapshotStatic of a handle that is not there tells so, and a repeat or a restart goes on") {
    CsiWorld world;
    const std::string phase =
        "[{func: CreateCSISnapshotStatic, name: one, args: " + import("imported", "lost", "handle");
    const Value failed = world.run(phase + ", timeout: 2s}]");
    CHECK_THAT(FunctionsWorld::message(failed), Contains("there is no snapshot with the handle lost"));
    const std::string run = world.start(phase + "}]");
    world.wait_begun(run);
    world.restart();
    std::filesystem::create_directories(world.folder / "data/snapshots/lost");
    CHECK(world.finish(run).get("status", "state") == Value("complete"));
    CHECK(world.snapshots().size() == 1);
    CHECK(world.contents().size() == 1);
}

TEST_CASE("RestoreCSISnapshot refuses what could never be bound") {
    CsiWorld world;
    (void)world.take("mine", "fast");
    const auto error = [&](const std::string& more) {
        return world.error("RestoreCSISnapshot", restore("mine", "again", more));
    };
    CHECK_THAT(error(", accessModes: ReadWriteOncePod"), Contains("'ReadWriteOncePod' is none of"));
    CHECK_THAT(error(", volumeMode: Tape"), Contains("'volumeMode' is 'Tape'"));
    CHECK_THAT(error(", restoreSize: '0'"), Contains("'restoreSize' is 0"));
    CHECK_THAT(error(", restoreSize: much"), Contains("'much' is not a quantity"));
    CHECK_THAT(error(", restoreSize: 1Mi"),
               Contains("'restoreSize' is 1Mi, but the VolumeSnapshot app/mine needs 1073741824"));
    CHECK_THAT(world.error("RestoreCSISnapshot", restore("nobody", "again")),
               Contains("there is no VolumeSnapshot app/nobody"));
    CHECK_FALSE(world.is_there(types::kPersistentVolumeClaims, "again"));
    CHECK_THAT(world.error("RestoreCSISnapshot", restore("mine", "data")), Contains("already exists"));
    CHECK(world.text_on("data") == "old");
}

TEST_CASE("DeleteCSISnapshot waits until the snapshot has gone; that there is none is fine") {
    CsiWorld world;
    const std::string handle = world.take("mine", "fast");
    world.cluster->patch({types::kVolumeSnapshots, "app", "mine"}, cluster::PatchType::kMerge,
                         parse_json(R"({"metadata":{"finalizers":["example.com/held"]}})"));
    const std::string phase = "[{func: DeleteCSISnapshot, name: one, args: {name: mine, namespace: app}";
    CHECK_THAT(FunctionsWorld::message(world.run(phase + ", timeout: 300ms}]")),
               Contains("app/mine is still there: it is held by example.com/held"));
    const std::string run = world.start(phase + "}]");
    world.wait_begun(run);
    world.cluster->patch({types::kVolumeSnapshots, "app", "mine"}, cluster::PatchType::kMerge,
                         parse_json(R"({"metadata":{"finalizers":null}})"));
    CHECK(world.finish(run).get("status", "state") == Value("complete"));
    CHECK_FALSE(world.is_there(types::kVolumeSnapshots, "mine"));
    world.wait_until([&] { return !std::filesystem::exists(world.folder / "data/snapshots" / handle); });
    CHECK(world.outputs("DeleteCSISnapshot", "{name: mine, namespace: app}") == Value());
}

TEST_CASE("DeleteCSISnapshotContent deletes what a policy of Retain leaves; that there is none is fine") {
    CsiWorld world;
    (void)world.take("mine", "keep");
    const std::string content = world.get(types::kVolumeSnapshots, "mine")
                                    .get("status", "boundVolumeSnapshotContentName")
                                    .as_string();
    (void)world.outputs("DeleteCSISnapshot", "{name: mine, namespace: app}");
    CHECK(world.is_there(types::kVolumeSnapshotContents, content, ""));
    (void)world.outputs("DeleteCSISnapshotContent", "{name: " + content + "}");
    world.wait_until([&] { return !world.is_there(types::kVolumeSnapshotContents, content, ""); });
    CHECK(world.outputs("DeleteCSISnapshotContent", "{name: " + content + "}") == Value());
}

TEST_CASE("the CSI functions tell beforehand what they need, and what must be there") {
    FunctionsWorld world;
    const run::Catalog all = catalog();
    const auto needs = [&](const std::string& function, const std::string& args) {
        std::string text;
        for (const run::Need& need :
             all.find(function)->needs(*world.world, {}, parse_yaml_value(args, "args"))) {
            text += need.verb + " " + need.type.resource + " " + need.ns + "/" + need.name;
            if (need.object == run::Need::Object::kThere) text += " there " + need.argument;
            if (need.object == run::Need::Object::kAbsent) text += " absent " + need.argument;
            text += "; ";
        }
        return text;
    };
    CHECK(needs("CreateCSISnapshot", std::string(kPhase) + ", name: mine}") ==
          "get persistentvolumeclaims app/data there /pvc; get volumesnapshotclasses /fast there "
          "/snapshotClass; "
          "create volumesnapshots app/mine absent /name; get volumesnapshots app/mine; delete "
          "volumesnapshots app/; ");
    CHECK(needs("CreateCSISnapshotStatic", import("mine", "h", "handle")) ==
          "get volumesnapshotclasses /keep there /snapshotClass; create volumesnapshotcontents /; get "
          "volumesnapshotcontents /; create volumesnapshots app/mine; get volumesnapshots app/mine; ");
    CHECK(needs("RestoreCSISnapshot", restore("mine", "again")) ==
          "get volumesnapshots app/mine there /name; create persistentvolumeclaims app/again absent /pvc; "
          "get persistentvolumeclaims app/again; ");
    CHECK(needs("DeleteCSISnapshot", "{name: mine, namespace: app}") ==
          "delete volumesnapshots app/mine; get volumesnapshots app/mine; ");
    CHECK(needs("DeleteCSISnapshotContent", "{name: c}") == "delete volumesnapshotcontents /c; ");
    CHECK_THROWS_AS(needs("RestoreCSISnapshot", restore("mine", "again", ", restoreSize: '0'")), Error);
}

TEST_CASE("the functions that Kanister has removed name the one to use") {
    FunctionsWorld world;
    CHECK_THAT(
        world.error("CreateVolumeSnapshot", "{namespace: app}"),
        Contains("{CreateVolumeSnapshot} has not been registered") && Contains("use CreateCSISnapshot"));
    CHECK_THAT(world.error("WaitForSnapshotCompletion", "{snapshots: x}"),
               Contains("leave it out: CreateCSISnapshot itself waits"));
    CHECK_THAT(world.error("CreateVolumeFromSnapshot", "{namespace: app, snapshots: x}"),
               Contains("use RestoreCSISnapshot"));
    CHECK_THAT(world.error("DeleteVolumeSnapshot", "{namespace: app, snapshots: x}"),
               Contains("use DeleteCSISnapshot"));
}

}  // namespace fencepost::functions
