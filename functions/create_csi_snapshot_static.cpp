#include "base/error.h"
#include "cluster/idempotent.h"
#include "functions/functions.h"
#include "functions/poll.h"
#include "functions/volume_snapshot.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

using cluster::ObjectKey;
namespace types = cluster::types;

struct Wanted {
    explicit Wanted(const Value& args)
        : snapshot{types::kVolumeSnapshots, run::string_arg(args, "namespace"),
                   run::string_arg(args, "name")},
          snapshot_class(run::string_arg(args, "snapshotClass")),
          driver(run::string_arg(args, "driver")),
          handle(run::string_arg(args, "snapshotHandle", run::string_arg(args, "handle"))) {
        if (handle.empty()) {
            throw Error(ErrorKind::kInvalid,
                        "Required args missing for function CreateCSISnapshotStatic: Required arg missing: "
                        "snapshotHandle");
        }
    }

    ObjectKey snapshot;
    std::string snapshot_class, driver, handle;
};

class CreateCSISnapshotStatic final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    // A failure leaves what it has made: with the class's policy, deleting it would delete the snapshot that
    // was there before. The next run adopts it.
    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        require_snapshots(run.world().cluster);
        const Wanted wanted(args);
        const Value ready = wait_until_ready(run, create_or_adopt(run, wanted));
        return {Value(snapshot_outputs(ready, "0"))};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& /*world*/, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        using Object = run::Need::Object;
        const Wanted wanted(args);
        const auto& type = types::kVolumeSnapshots;
        return {{.verb = "get",
                 .type = types::kVolumeSnapshotClasses,
                 .name = wanted.snapshot_class,
                 .object = Object::kThere,
                 .argument = "/snapshotClass"},
                {.verb = "create", .type = types::kVolumeSnapshotContents},
                {.verb = "get", .type = types::kVolumeSnapshotContents},
                {.verb = "create", .type = type, .ns = wanted.snapshot.ns, .name = wanted.snapshot.name},
                {.verb = "get", .type = type, .ns = wanted.snapshot.ns, .name = wanted.snapshot.name}};
    }

  private:
    static Value create_or_adopt(run::RunContext& run, const Wanted& wanted) {
        cluster::Cluster& cluster = run.world().cluster;
        if (auto there = find_object(cluster, wanted.snapshot)) {
            if (stands_for(cluster, *there, wanted)) return *there;
            throw Error(ErrorKind::kAlreadyExists,
                        "there is a VolumeSnapshot " + wanted.snapshot.ns + "/" + wanted.snapshot.name +
                            " already, for another handle than '" + wanted.handle + "'");
        }
        const std::string content = run.job_pod_name(wanted.snapshot.name + "-content-");
        create_content(run, wanted, content);
        Value snapshot;
        snapshot["apiVersion"] = "snapshot.storage.k8s.io/v1";
        snapshot["kind"] = "VolumeSnapshot";
        snapshot["metadata"]["name"] = wanted.snapshot.name;
        snapshot["metadata"]["namespace"] = wanted.snapshot.ns;
        snapshot["spec"]["volumeSnapshotClassName"] = wanted.snapshot_class;
        snapshot["spec"]["source"]["volumeSnapshotContentName"] = content;
        return cluster.create(types::kVolumeSnapshots, snapshot);
    }

    static bool stands_for(cluster::Cluster& cluster, const Value& snapshot, const Wanted& wanted) {
        const std::string name = snapshot.get("spec", "source", "volumeSnapshotContentName").string_or("");
        if (name.empty()) return false;
        const auto content = find_object(cluster, {types::kVolumeSnapshotContents, "", name});
        return content && content->get("spec", "driver") == Value(wanted.driver) &&
               content->get("spec", "source", "snapshotHandle") == Value(wanted.handle);
    }

    static void create_content(run::RunContext& run, const Wanted& wanted, const std::string& name) {
        cluster::Cluster& cluster = run.world().cluster;
        Value content;
        content["apiVersion"] = "snapshot.storage.k8s.io/v1";
        content["kind"] = "VolumeSnapshotContent";
        content["metadata"]["name"] = name;
        mark_as_made_by(run, content);
        Value& spec = content["spec"];
        spec["deletionPolicy"] = snapshot_class(cluster, wanted.snapshot_class)["deletionPolicy"];
        spec["driver"] = wanted.driver;
        spec["source"]["snapshotHandle"] = wanted.handle;
        spec["volumeSnapshotClassName"] = wanted.snapshot_class;
        spec["volumeSnapshotRef"]["name"] = wanted.snapshot.name;
        spec["volumeSnapshotRef"]["namespace"] = wanted.snapshot.ns;
        try {
            cluster.create(types::kVolumeSnapshotContents, content);
        } catch (const Error& e) {
            // The daemon that died here had made it already.
            if (e.kind() != ErrorKind::kAlreadyExists) throw;
            const auto there = find_object(cluster, {types::kVolumeSnapshotContents, "", name});
            if (!there || !is_made_by(run, *there)) throw;
        }
    }

    model::FunctionSpec spec_{
        .name = "CreateCSISnapshotStatic",
        .args = {{"name", model::ArgType::kString, true, "the VolumeSnapshot's"},
                 {"namespace", model::ArgType::kString, true, "the VolumeSnapshot's"},
                 {"driver", model::ArgType::kString, true, "the CSI driver that keeps the snapshot"},
                 {"snapshotHandle", model::ArgType::kString, false,
                  "the driver's name of the snapshot; it, or `handle`, is needed"},
                 {"handle", model::ArgType::kString, false, "the same"},
                 {"snapshotClass", model::ArgType::kString, true,
                  "the VolumeSnapshotClass, whose deletion policy it gets"}},
        .outputs = {"name", "namespace", "restoreSize", "snapshotContent"},
        .description = "makes a VolumeSnapshot of a snapshot that the storage has already"};
};

}  // namespace

const run::Function& create_csi_snapshot_static() {
    static const CreateCSISnapshotStatic function;
    return function;
}

}  // namespace fencepost::functions
