#include "protect/action_status.h"
#include "protect/claim_users.h"
#include "protect/restore_point.h"
#include "run/record.h"
#include "tests/unit/protect/application.h"

namespace fencepost::protect {
namespace {

using Catch::Contains;
using Names = std::vector<std::string>;

constexpr const char* kHooks = R"(
  backupPrehook: {phases: [{name: fence, func: Step, args: {do: ok}}]}
  backupPosthook: {phases: [{name: unfence, func: Step, args: {do: ok}}]}
  restorePrehook: {phases: [{name: stop, func: Step, args: {do: ok}}]}
  restorePosthook: {phases: [{name: begin, func: Step, args: {do: ok}}]}
)";
constexpr const char* kDump = R"(
  backup: {phases: [{name: dump, func: Step, args: {do: ok}}]}
  restore: {phases: [{name: load, func: Step, args: {do: ok}}]}
)";
constexpr const char* kSubject = "subject: {kind: RestorePoint, name: backup-1, namespace: app}, ";

// The application with two Pods of a StatefulSet on the claim `files`, backed up. The test plays the kubelet:
// Pods become ready.
struct Running : Application {
    explicit Running(const std::string& actions = kHooks) : Application(actions) {
        world.create(types::kStatefulSets, R"(
metadata: {name: web, namespace: app}
spec:
  replicas: 2
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: web:1}]
      volumes: [{name: files, persistentVolumeClaim: {claimName: files}}]
)");
        back_up();
        const Value ended = end_of(types::kBackupActions);
        CAPTURE(to_json(ended["status"]));
        REQUIRE(state(ended) == "Complete");
        wait_for("two Pods", [&] { return pods() == 2; });
    }
    std::size_t pods() {
        for (const Value& pod : all(types::kPods, "app")) {
            if (pod.get("status", "conditions").is_nil())
                world.cluster->patch(
                    {types::kPods, "app", cluster::name_of(pod)}, cluster::PatchType::kMerge,
                    parse_yaml_value("status: {conditions: [{type: Ready, status: 'True'}]}"),
                    {.subresource = "status"});
        }
        return all(types::kPods, "app").size();
    }
    Value restored(const std::string& name = "restore-1") {
        Value action;
        wait_for("the restore's end", [&] {
            settle(true);
            (void)pods();
            action = *find(types::kRestoreActions, "app", name);
            return is_terminal(action);
        });
        return action;
    }
    Value data_only(const std::string& more = "", const std::string& name = "restore-1") {
        restore(std::string("{") + kSubject + "dataOnly: true" + more + "}", "app", name);
        return restored(name);
    }
    std::string uid(const cluster::ResourceType& type, const std::string& name) {
        return cluster::uid_of(*find(type, "app", name));
    }
    Value set() { return *find(types::kStatefulSets, "app", "web"); }
    std::string scaled_from() { return set().get("metadata", "annotations", kScaledFrom).string_or(""); }
    Value patch(const cluster::ResourceType& type, const std::string& name, const std::string& yaml) {
        return world.cluster->patch({type, "app", name}, cluster::PatchType::kMerge, parse_yaml_value(yaml));
    }
    void cancel() {
        world.create(types::kCancelActions,
                     "metadata: {name: stop, namespace: app}\nspec: {subject: {kind: RestoreAction, name: "
                     "restore-1}}");
    }
};

}  // namespace

TEST_CASE("data alone comes back into the application that is there") {
    Running app;
    const std::string files = app.uid(types::kPersistentVolumeClaims, "files"),
                      set = app.uid(types::kStatefulSets, "web"),
                      password = app.uid(types::kSecrets, "password");
    app.patch(types::kSecrets, "password", "data: {p: bmV3}");
    const Value ended = app.data_only();
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    Names steps = Application::steps(ended);
    std::erase(steps, "workloads ready: complete");  // there where they had to be waited for
    CHECK(steps == Names{"restorePrehook of configmaps/database: complete", "workloads stopped: complete",
                         "what is in the way goes: complete", "objects: complete",
                         "workloads started: complete", "restorePosthook of configmaps/database: complete"});
    CHECK(ended.get("status", "objects") == parse_yaml_value("{replaced: 2}"));
    const Value claim = *app.find(types::kPersistentVolumeClaims, "app", "files");
    CHECK(cluster::uid_of(claim) != files);
    CHECK(claim.get("spec", "dataSource", "kind") == Value("VolumeSnapshot"));
    CHECK(app.uid(types::kSecrets, "password") == password);
    CHECK(app.find(types::kSecrets, "app", "password")->get("data", "p") == Value("bmV3"));
    CHECK(app.uid(types::kStatefulSets, "web") == set);
    CHECK(app.set().get("spec", "replicas") == Value(2));
    CHECK(app.scaled_from().empty());
    CHECK(app.world.script.calls() == Names{"fence#1", "unfence#1", "stop#1", "begin#1"});
    CHECK(ended.get("metadata", "annotations", run::kRecordAnnotation).is_nil());
}

TEST_CASE("what uses the claims rests while they are replaced, and a later daemon starts it again") {
    Running app;
    app.patch(types::kPersistentVolumeClaims, "files", "metadata: {finalizers: [test/holds]}");
    app.restore(std::string("{") + kSubject + "dataOnly: true}");
    app.wait_for("the claim's end", [&] {
        return !app.find(types::kPersistentVolumeClaims, "app", "files")
                    ->get("metadata", "deletionTimestamp")
                    .is_nil();
    });
    CHECK(app.set().get("spec", "replicas") == Value(0));
    CHECK(app.scaled_from() == "2");
    CHECK(app.pods() == 0);
    app.restart();
    CHECK(app.set().get("spec", "replicas") == Value(0));
    app.patch(types::kPersistentVolumeClaims, "files", "metadata: {finalizers: []}");
    const Value ended = app.restored();
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(app.set().get("spec", "replicas") == Value(2));
    CHECK(app.scaled_from().empty());
    CHECK(app.world.script.calls() == Names{"fence#1", "unfence#1", "stop#1", "begin#1"});
}

TEST_CASE("a daemon that dies under a blueprint's `restore` is followed by one that stops nothing") {
    Running app(std::string(kDump).replace(std::string(kDump).find("load, func: Step, args: {do: ok"), 31,
                                           "load, func: Step, args: {do: wait"));
    app.restore(std::string("{") + kSubject + "dataOnly: true}");
    app.wait_for("the blueprint's restore", [&] {
        app.settle(true);
        (void)app.pods();
        return app.world.script.calls().size() == 2;
    });
    const std::string files = app.uid(types::kPersistentVolumeClaims, "files");
    const std::string data = app.uid(types::kPersistentVolumeClaims, "data");
    const Value generation = app.set().get("metadata", "generation");
    app.restart();
    app.world.script.open();
    const Value ended = app.restored();
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(app.set().get("metadata", "generation") == generation);
    CHECK(app.uid(types::kPersistentVolumeClaims, "files") == files);
    CHECK(app.uid(types::kPersistentVolumeClaims, "data") == data);  // dumped: the blueprint's alone
}

TEST_CASE("a restore of data that is cancelled or fails leaves workloads as they were") {
    Running app;
    const std::string files = app.uid(types::kPersistentVolumeClaims, "files");
    app.patch(types::kPods, "web-1", "metadata: {finalizers: [test/holds]}");
    app.restore(std::string("{") + kSubject + "dataOnly: true}");
    app.wait_for("the scaling", [&] { return app.scaled_from() == "2"; });
    SECTION("cancelled, before any volume went") { app.cancel(); }
    SECTION("cancelled, while no daemon runs") {
        app.protector.reset();
        app.patch(types::kRestoreActions, "restore-1", "spec: {cancel: true}");
        app.start();
    }
    SECTION("failed, as the namespace's restore point is gone") {
        app.protector.reset();
        const Value content = app.all(types::kRestorePointContents).front();
        app.world.cluster->patch({types::kRestorePointContents, "", cluster::name_of(content)},
                                 cluster::PatchType::kMerge, parse_yaml_value("spec: {objects: 99}"));
        app.start();
    }
    const Value ended = app.restored();
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) != "Complete");
    CHECK(app.set().get("spec", "replicas") == Value(2));
    CHECK(app.scaled_from().empty());
    CHECK(app.uid(types::kPersistentVolumeClaims, "files") == files);
    CHECK(ended.get("status", "exceptions").is_nil());
}

TEST_CASE("what would start on a volume that is not whole stays at rest until the next restore") {
    Running app;
    app.patch(types::kPersistentVolumeClaims, "files", "metadata: {finalizers: [test/holds]}");
    app.restore(std::string("{") + kSubject + "dataOnly: true}");
    app.wait_for("the claim's end", [&] {
        return !app.find(types::kPersistentVolumeClaims, "app", "files")
                    ->get("metadata", "deletionTimestamp")
                    .is_nil();
    });
    app.cancel();
    const Value cancelled = app.restored();
    CHECK(Application::state(cancelled) == "Cancelled");
    CHECK_THAT(to_json(cancelled.get("status", "exceptions")),
               Contains("statefulsets/web stays scaled down: a volume that it uses is not whole"));
    CHECK(app.set().get("spec", "replicas") == Value(0));
    app.patch(types::kPersistentVolumeClaims, "files", "metadata: {finalizers: []}");

    const Value ended = app.data_only("", "restore-2");
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(app.set().get("spec", "replicas") == Value(2));
    CHECK(app.scaled_from().empty());
}

TEST_CASE("what somebody scales meanwhile stays as they want it") {
    Running app;
    app.patch(types::kStatefulSets, "web",
              "{metadata: {annotations: {fencepost.io/scaled-down-from: '5'}}, spec: {replicas: 1}}");
    CHECK(Application::state(app.data_only()) == "Complete");
    CHECK(app.set().get("spec", "replicas") == Value(1));
    CHECK(app.scaled_from().empty());
}

TEST_CASE("data alone is refused before anything is touched") {
    Running app;
    const std::string files = app.uid(types::kPersistentVolumeClaims, "files");
    const auto refused = [&](const std::string& what, const std::string& more = "") {
        static int number = 0;
        const Value ended = app.data_only(more, "refused-" + std::to_string(++number));
        CHECK(Application::state(ended) == "Failed");
        CHECK_THAT(Application::error(ended), Contains(what));
    };
    refused("dataOnly does not go together with filters",
            ", filters: {includeResources: [{resource: secrets}]}");
    refused("dataOnly does not go together with overwriteExisting", ", overwriteExisting: true");
    refused("a restore knows no instantRecovery here", ", instantRecovery: true");
    refused("a RestoreAction restores into its own namespace", ", targetNamespace: other");
    refused("spec.artifactOverrideProfile: profile names another one",
            ", profile: {name: a}, artifactOverrideProfile: {name: b}");
    app.world.create(types::kPods, R"(
metadata: {name: alone, namespace: app}
spec:
  containers: [{name: c, image: i}]
  volumes: [{name: v, persistentVolumeClaim: {claimName: files}}]
)");
    refused("the Pod app/alone uses the claim files, and is of no Deployment, StatefulSet or ReplicaSet");
    app.world.cluster->remove({types::kPods, "app", "alone"});
    app.patch(types::kStatefulSets, "web",
              "spec: {persistentVolumeClaimRetentionPolicy: {whenScaled: Delete}}");
    refused("statefulsets/web deletes its claims where it is scaled down");
    app.world.cluster->remove({types::kConfigMaps, "app", "database"});
    app.world.cluster->remove({types::kStatefulSets, "app", "web"});
    refused("the application is not there: the namespace app lacks configmaps/database, statefulsets/web");
    CHECK(app.uid(types::kPersistentVolumeClaims, "files") == files);
    CHECK(app.world.script.calls() == Names{"fence#1", "unfence#1"});
}

}  // namespace fencepost::protect
