#include "protect/fenced_instance.h"

#include "protect/restore_point.h"
#include "tests/unit/protect/application.h"

namespace fencepost::protect {
namespace {

using Names = std::vector<std::string>;

// Fences the Pods of its argument, as its outputs say.
class Fence final : public run::Function {
  public:
    Fence() { spec_.args = {{"pod", model::ArgType::kString, true, "what is fenced"}}; }
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return false; }
    run::Outcome execute(run::RunContext& /*run*/, const Value& args) const override {
        Value outputs;
        outputs["pod"] = run::string_arg(args, "pod");
        return {outputs};
    }

  private:
    model::FunctionSpec spec_{.name = "Fence", .outputs = {}, .description = "does what a test wants"};
};
const Fence kFence;

std::string hooks(const std::string& fenced) {
    return R"(
  backupPrehook: {phases: [{name: fence, func: Fence, args: {pod: ')" +
           fenced + R"('}}]}
  backupPosthook: {phases: [{name: unfence, func: Step, args: {do: ok}}]}
)";
}

// An Application whose database has instances: db-1 has a volume, db-2 two, and one more is of none.
struct ClusterOfTwo : Application {
    explicit ClusterOfTwo(const std::string& fenced) : Application(hooks(fenced), {&kFence}) {
        instance("db-1", "db-1");
        instance("db-2", "db-2");
        instance("db-2", "db-2-wal");
    }
    void instance(const std::string& name, const std::string& of_claim) {
        claim(of_claim,
              "labels: {cnpg.io/cluster: database, cnpg.io/instanceName: " + name +
                  "}, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: database, controller: true, "
                  "uid: " +
                  cluster::uid_of(world.cluster->get({types::kConfigMaps, "app", "database"})) + "}]");
    }
    Names copied() {
        Names claims;
        for (const Value& snapshot : all(types::kVolumeSnapshots))
            claims.push_back(snapshot.get("spec", "source", "persistentVolumeClaimName").string_or(""));
        std::sort(claims.begin(), claims.end());
        return claims;
    }
    Names claims_in(const std::string& where) {
        Names names;
        for (const Value& one : all(types::kPersistentVolumeClaims, where))
            names.push_back(cluster::name_of(one));
        return names;
    }
};

const Names kAll{"data", "db-1", "db-2", "db-2-wal", "files"};
const Names kOfDb2{"data", "db-2", "db-2-wal", "files"};

}  // namespace

TEST_CASE("only the volumes of the instance that the prehook fenced are copied, kept and restored") {
    ClusterOfTwo app("db-2");
    app.back_up();
    SECTION("in one go") {}
    SECTION("by a daemon that goes on once they are asked for") {
        app.wait_for("the snapshots", [&] { return app.copied().size() == 3; });
        app.restart();
    }
    const Value ended = app.end_of(types::kBackupActions);
    CAPTURE(to_json(ended["status"]));
    CHECK(Application::state(ended) == "Complete");
    CHECK(app.copied() == kOfDb2);
    CHECK(ended.get("status", "plan", "claims") == Value(List{"files"}));
    CHECK(ended.get("status", "exceptions").is_nil());

    const Value content =
        open_content(*app.world.world, parse_yaml_value("{name: backup-1, namespace: app}"));
    const Value& spec = content["spec"];
    CHECK(spec["volumes"].as_list().size() == 4);
    const Value& resource = spec["resources"].as_list().at(0);
    CHECK(resource["claims"] == Value(List{"data", "db-2", "db-2-wal"}));
    CHECK(resource["instances"] == parse_yaml_value("{db-2: [db-2, db-2-wal]}"));
    CHECK(spec["skipped"] ==
          parse_yaml_value("[{apiVersion: v1, resource: persistentvolumeclaims, namespace: app, "
                           "name: db-1, reason: the instance db-1 was not fenced}]"));
    const List manifests = manifests_of(*app.world.world, content, {});
    CHECK(spec["objects"].as_int() == static_cast<std::int64_t>(manifests.size()));

    app.ns("copy");
    app.restore("{subject: {kind: RestorePoint, name: backup-1, namespace: app}}", "copy");
    CHECK(Application::state(app.end_of(types::kRestoreActions, "copy", "restore-1")) == "Complete");
    CHECK(app.claims_in("copy") == kOfDb2);
}

TEST_CASE("where the prehook fenced no instance all volumes are copied, and that is told") {
    ClusterOfTwo app("");
    app.back_up();
    const Value ended = app.end_of(types::kBackupActions);
    CHECK(Application::state(ended) == "Complete");
    CHECK(app.copied() == kAll);
    CHECK(ended.get("status", "exceptions").as_list().at(0)["message"] ==
          Value("configmaps/database: backupPrehook fenced no instance, so the volumes of all 2 are copied"));
}

TEST_CASE("where all instances are fenced all volumes are copied") {
    ClusterOfTwo app("db-1 db-2");
    app.back_up();
    const Value ended = app.end_of(types::kBackupActions);
    CHECK(Application::state(ended) == "Complete");
    CHECK(app.copied() == kAll);
    CHECK(ended.get("status", "plan", "skipped") == Value(List{}));
}

TEST_CASE("a backup whose fenced instance has no volume in the plan fails, and the posthook runs") {
    ClusterOfTwo app("db-3");
    app.back_up();
    const Value ended = app.end_of(types::kBackupActions);
    CHECK(Application::state(ended) == "Failed");
    CHECK_THAT(Application::error(ended),
               Catch::Contains("no volume of what backupPrehook fenced (db-3) is in the plan"));
    CHECK(app.copied().empty());
    CHECK(app.world.script.calls() == Names{"unfence#1"});
}

TEST_CASE("an instance is told by the labels of both operators, of its own Cluster alone") {
    const auto of = [](const char* labels) {
        return instance_of(parse_yaml_value(std::string("{metadata: {labels: ") + labels + "}}"), "pg");
    };
    CHECK(of("{cnpg.io/cluster: pg, cnpg.io/instanceName: pg-1}") == "pg-1");
    CHECK(of("{k8s.enterprisedb.io/cluster: pg, k8s.enterprisedb.io/instanceName: pg-2}") == "pg-2");
    CHECK(of("{cnpg.io/cluster: other, cnpg.io/instanceName: other-1}").empty());
    CHECK(of("{cnpg.io/instanceName: pg-1}").empty());
    CHECK(of("{}").empty());
}

}  // namespace fencepost::protect
