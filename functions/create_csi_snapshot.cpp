#include <map>
#include <memory>
#include <optional>

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
    Wanted(const Value& args, const std::string& default_name)
        : claim{types::kPersistentVolumeClaims, run::string_arg(args, "namespace"),
                run::string_arg(args, "pvc")},
          snapshot{types::kVolumeSnapshots, claim.ns, run::string_arg(args, "name", default_name)},
          snapshot_class(run::string_arg(args, "snapshotClass")),
          labels(run::string_map_arg(args, "labels")) {}

    ObjectKey claim, snapshot;
    std::string snapshot_class;
    std::map<std::string, std::string> labels;
};

class CreateCSISnapshot final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        require_snapshots(run.world().cluster);
        const Wanted wanted(args, run.job_pod_name(run::string_arg(args, "pvc") + "-snapshot-"));
        const Value snapshot = create_or_adopt(run, wanted);
        // What failed is told to nobody, so nobody would ever delete it; a daemon that stops leaves it to the
        // next one.
        const auto is_kept = std::make_shared<bool>(false);
        run.after_recorded([&cluster = run.world().cluster, key = wanted.snapshot,
                            uid = cluster::uid_of(snapshot), is_kept] {
            if (!*is_kept) remove(cluster, key, uid);
        });
        const Value ready = wait_until_ready(run, snapshot);
        Map outputs = snapshot_outputs(
            ready, tells_size(ready) ? "" : capacity_of(find_object(run.world().cluster, wanted.claim)));
        outputs.set("pvc", wanted.claim.name);
        *is_kept = true;
        return {Value(std::move(outputs))};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& /*world*/, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        using Object = run::Need::Object;
        const Wanted wanted(args, "");
        const auto need = [&](std::string verb, Object object) {
            return run::Need{.verb = std::move(verb),
                             .type = wanted.snapshot.type,
                             .ns = wanted.snapshot.ns,
                             .name = wanted.snapshot.name,
                             .object = object,
                             .argument = "/name"};
        };
        return {{.verb = "get",
                 .type = wanted.claim.type,
                 .ns = wanted.claim.ns,
                 .name = wanted.claim.name,
                 .object = Object::kThere,
                 .argument = "/pvc"},
                {.verb = "get",
                 .type = types::kVolumeSnapshotClasses,
                 .name = wanted.snapshot_class,
                 .object = Object::kThere,
                 .argument = "/snapshotClass"},
                need("create", Object::kAbsent),
                need("get", Object::kAny),
                // Of what fails, whatever its name.
                {.verb = "delete", .type = wanted.snapshot.type, .ns = wanted.snapshot.ns}};
    }

  private:
    static Value create_or_adopt(run::RunContext& run, const Wanted& wanted) {
        cluster::Cluster& cluster = run.world().cluster;
        if (run.is_resumed()) {
            if (auto there = find_object(cluster, wanted.snapshot); there && is_made_by(run, *there))
                return *there;
        }
        if (!find_object(cluster, wanted.claim)) {
            throw Error(ErrorKind::kNotFound,
                        "Failed to find PVC " + wanted.claim.name + ", Namespace " + wanted.claim.ns);
        }
        (void)snapshot_class(cluster, wanted.snapshot_class);
        const Value described = describe(run, wanted);
        Value stored;
        // One of that name that is on its way out may be what an earlier attempt had begun.
        const bool is_there = poll_until(run, run.deadline(), [&] {
            try {
                stored = cluster.create(types::kVolumeSnapshots, described);
                return true;
            } catch (const Error& e) {
                if (e.kind() != ErrorKind::kAlreadyExists) throw;
            }
            const auto there = find_object(cluster, wanted.snapshot);
            if (!there || !there->get("metadata", "deletionTimestamp").is_nil()) return false;
            throw Error(ErrorKind::kAlreadyExists,
                        "there is a VolumeSnapshot " + wanted.snapshot.ns + "/" + wanted.snapshot.name +
                            " already: leave out the argument 'name', or let it hold {{ .Time }}");
        });
        if (is_there) return stored;
        throw Error(ErrorKind::kTimeout, "the VolumeSnapshot " + wanted.snapshot.ns + "/" +
                                             wanted.snapshot.name + " of before is still there");
    }

    static Value describe(const run::RunContext& run, const Wanted& wanted) {
        Value snapshot;
        snapshot["apiVersion"] = "snapshot.storage.k8s.io/v1";
        snapshot["kind"] = "VolumeSnapshot";
        snapshot["metadata"]["name"] = wanted.snapshot.name;
        snapshot["metadata"]["namespace"] = wanted.snapshot.ns;
        for (const auto& [key, value] : wanted.labels) snapshot["metadata"]["labels"][key] = value;
        mark_as_made_by(run, snapshot);
        snapshot["spec"]["volumeSnapshotClassName"] = wanted.snapshot_class;
        snapshot["spec"]["source"]["persistentVolumeClaimName"] = wanted.claim.name;
        return snapshot;
    }

    // A volume of the claim's own size holds whatever was on it.
    static std::string capacity_of(const std::optional<Value>& claim) {
        if (!claim) return "0";
        return claim->get("status", "capacity", "storage")
            .string_or(claim->get("spec", "resources", "requests", "storage").string_or("0"));
    }

    static void remove(cluster::Cluster& cluster, const ObjectKey& key, const std::string& uid) {
        try {
            cluster.remove(key, {.precondition_uid = uid});
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound && e.kind() != ErrorKind::kConflict) throw;
        }
    }

    model::FunctionSpec spec_{
        .name = "CreateCSISnapshot",
        .args = {{"pvc", model::ArgType::kString, true, "the PersistentVolumeClaim"},
                 {"namespace", model::ArgType::kString, true, "the claim's, and so the snapshot's"},
                 {"snapshotClass", model::ArgType::kString, true, "the VolumeSnapshotClass"},
                 {"name", model::ArgType::kString, false,
                  "the VolumeSnapshot's; the claim's name, `-snapshot-` and ten characters if empty"},
                 {"labels", model::ArgType::kMap, false, "labels for the VolumeSnapshot"}},
        .outputs = {"name", "pvc", "namespace", "restoreSize", "snapshotContent"},
        .description = "takes a VolumeSnapshot of a PersistentVolumeClaim and waits until it can be used"};
};

}  // namespace

const run::Function& create_csi_snapshot() {
    static const CreateCSISnapshot function;
    return function;
}

}  // namespace fencepost::functions
