// What the tests of backups and restores stand on: an embedded cluster without Pods, an engine with scripted
// functions, a Protector, and an application with a database, its claim, a claim of its own, and a Secret.
// The snapshot controller is played by the test, which decides when a copy has its point in time and when it
// is ready to use.
#pragma once

#include "protect/protector.h"
#include "tests/unit/eventually.h"
#include "tests/unit/run/run_world.h"

namespace fencepost::protect {

namespace types = cluster::types;

class Application {
  public:
    explicit Application(const std::string& actions, std::vector<const run::Function*> functions = {})
        : world({}, std::move(functions)) {
        ns("app");
        world.create(types::kBlueprints, "metadata: {name: bp, namespace: default}\nactions:\n" + actions);
        const Value database = world.create(
            types::kConfigMaps,
            "metadata: {name: database, namespace: app, annotations: {kanister.kasten.io/blueprint: bp, "
            "cnpg.io/fencedInstances: '[\"x\"]'}}\ndata: {a: one}");
        claim("data",
              "ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: database, controller: true, uid: " +
                  cluster::uid_of(database) + "}]");
        claim("files", "labels: {a: b}");
        world.create(types::kSecrets, "metadata: {name: password, namespace: app}\ndata: {p: czNjcmV0}");
        start();
    }
    ~Application() { protector.reset(); }

    void start() { protector = std::make_unique<Protector>(*world.world); }
    void restart() {
        protector.reset();
        world.engine.reset();
        world.start();
        start();
    }
    void ns(const std::string& name) { world.create(types::kNamespaces, "metadata: {name: " + name + "}"); }
    void claim(const std::string& name, const std::string& metadata, const std::string& where = "app") {
        world.create(types::kPersistentVolumeClaims, "metadata: {name: " + name + ", namespace: " + where +
                                                         ", " + metadata +
                                                         "}\nspec: {accessModes: [ReadWriteOnce], resources: "
                                                         "{requests: {storage: 1Mi}}}");
    }

    Value back_up(const std::string& spec = "{}", const std::string& name = "backup-1") {
        return world.create(types::kBackupActions,
                            "metadata: {name: " + name + ", namespace: app}\nspec: " + spec);
    }
    Value restore(const std::string& spec, const std::string& where = "app",
                  const std::string& name = "restore-1") {
        return world.create(types::kRestoreActions,
                            "metadata: {name: " + name + ", namespace: " + where + "}\nspec: " + spec);
    }
    [[nodiscard]] std::optional<Value> find(const cluster::ResourceType& type, const std::string& where,
                                            const std::string& name) {
        try {
            return world.cluster->get({type, where, name});
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound) throw;
            return std::nullopt;
        }
    }
    [[nodiscard]] List all(const cluster::ResourceType& type, const std::string& where = "") {
        return world.cluster->list(type, {.ns = where}).items;
    }

    template <typename Condition>
    void wait_for(const char* what, Condition condition) {
        CAPTURE(what);
        REQUIRE(eventually(condition));
    }
    // How the action ended; copies become ready meanwhile.
    Value end_of(const cluster::ResourceType& type, const std::string& where = "app",
                 const std::string& name = "backup-1") {
        Value action;
        const bool has_ended = eventually([&] {
            settle(true);
            action = world.cluster->get({type, where, name});
            const std::string state = action.get("status", "state").string_or("");
            return state == "Complete" || state == "Failed" || state == "Cancelled";
        });
        INFO(to_json(action, {.indent = "  "}));
        REQUIRE(has_ended);
        return action;
    }
    static std::string state(const Value& action) { return action.get("status", "state").string_or(""); }
    static std::string error(const Value& action) {
        return action.get("status", "error", "message").string_or("");
    }
    // The Events about it, each as "type reason: message". They are written beside the action: wait for them.
    std::vector<std::string> events(const Value& action) {
        std::vector<std::string> told;
        for (const Value& event : all(types::kEvents, cluster::namespace_of(action))) {
            if (event.get("involvedObject", "uid") == Value(cluster::uid_of(action)))
                told.push_back(event["type"].string_or("") + " " + event["reason"].string_or("") + ": " +
                               event["message"].string_or(""));
        }
        std::sort(told.begin(), told.end());
        return told;
    }
    static std::vector<std::string> steps(const Value& action) {
        std::vector<std::string> names;
        for (const Value& step : action.get("status", "steps").list_or_empty())
            names.push_back(step["name"].string_or("") + ": " + step["state"].string_or(""));
        return names;
    }

    // The snapshot controller's work: each VolumeSnapshot gets its content and its point in time, and claims
    // of copies are bound.
    void settle(bool are_ready) {
        for (const Value& snapshot : all(types::kVolumeSnapshots)) {
            const Value& source = snapshot.get("spec", "source");
            std::string content = source["volumeSnapshotContentName"].string_or("");
            if (content.empty()) {
                content = "content-" + cluster::uid_of(snapshot);
                if (!find(types::kVolumeSnapshotContents, "", content)) {
                    world.create(types::kVolumeSnapshotContents,
                                 "metadata: {name: " + content +
                                     "}\nspec: {driver: d, deletionPolicy: Delete}\n"
                                     "status: {snapshotHandle: handle-of-" +
                                     source["persistentVolumeClaimName"].string_or("") + "}");
                    Value status = parse_yaml_value("status: {snapshotHandle: handle-of-" +
                                                    source["persistentVolumeClaimName"].string_or("") + "}");
                    world.cluster->patch({types::kVolumeSnapshotContents, "", content},
                                         cluster::PatchType::kMerge, status, {.subresource = "status"});
                }
            }
            if (snapshot.get("status", "readyToUse").bool_or(false)) continue;
            Value status = parse_yaml_value(
                "status: {creationTime: '2026-11-22T00:00:00Z', restoreSize: 1Mi, "
                "boundVolumeSnapshotContentName: " +
                content + "}");
            status["status"]["readyToUse"] = are_ready;
            world.cluster->patch(
                {types::kVolumeSnapshots, cluster::namespace_of(snapshot), cluster::name_of(snapshot)},
                cluster::PatchType::kMerge, status, {.subresource = "status"});
        }
        for (const Value& claim : all(types::kPersistentVolumeClaims)) {
            if (claim.get("status", "phase") == Value("Bound")) continue;
            world.cluster->patch(
                {types::kPersistentVolumeClaims, cluster::namespace_of(claim), cluster::name_of(claim)},
                cluster::PatchType::kMerge, parse_yaml_value("status: {phase: Bound}"),
                {.subresource = "status"});
        }
    }

    run::RunWorld world;
    std::unique_ptr<Protector> protector;
};

}  // namespace fencepost::protect
