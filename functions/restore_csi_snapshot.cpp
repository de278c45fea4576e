#include <map>
#include <string>
#include <vector>

#include "base/encodings.h"
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
          claim{types::kPersistentVolumeClaims, snapshot.ns, run::string_arg(args, "pvc")},
          storage_class(run::string_arg(args, "storageClass")),
          size(run::string_arg(args, "restoreSize")),
          access_modes(run::strings_arg(args, "accessModes")),
          volume_mode(run::string_arg(args, "volumeMode", "Filesystem")),
          labels(run::string_map_arg(args, "labels")) {
        if (access_modes.empty()) access_modes = {"ReadWriteOnce"};
        check();
    }

    ObjectKey snapshot, claim;
    std::string storage_class, size;
    std::vector<std::string> access_modes;
    std::string volume_mode;
    std::map<std::string, std::string> labels;

  private:
    void check() const {
        if (parse_quantity(size) == 0) {
            throw Error(ErrorKind::kInvalid,
                        "argument 'restoreSize' is 0: give the size of the volume that the snapshot is of");
        }
        for (const std::string& mode : access_modes) {
            if (mode != "ReadWriteOnce" && mode != "ReadOnlyMany" && mode != "ReadWriteMany") {
                throw Error(ErrorKind::kInvalid,
                            "argument 'accessModes': '" + mode +
                                "' is none of ReadWriteOnce, ReadOnlyMany, ReadWriteMany");
            }
        }
        if (volume_mode != "Filesystem" && volume_mode != "Block") {
            throw Error(ErrorKind::kInvalid,
                        "argument 'volumeMode' is '" + volume_mode + "': it is Filesystem or Block");
        }
    }
};

class RestoreCSISnapshot final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    // It does not wait for the volume: with some storage classes there is none before a Pod wants it.
    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        cluster::Cluster& cluster = run.world().cluster;
        require_snapshots(cluster);
        const Wanted wanted(args);
        if (run.is_resumed()) {
            // The daemon that died here may have made it already.
            if (const auto there = find_object(cluster, wanted.claim); there && is_made_by(run, *there))
                return {};
        }
        check_source(cluster, wanted);
        cluster.create(types::kPersistentVolumeClaims, describe(run, wanted));
        return {};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& /*world*/, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        using Object = run::Need::Object;
        const Wanted wanted(args);
        return {{.verb = "get",
                 .type = wanted.snapshot.type,
                 .ns = wanted.snapshot.ns,
                 .name = wanted.snapshot.name,
                 .object = Object::kThere,
                 .argument = "/name"},
                {.verb = "create",
                 .type = wanted.claim.type,
                 .ns = wanted.claim.ns,
                 .name = wanted.claim.name,
                 .object = Object::kAbsent,
                 .argument = "/pvc"},
                {.verb = "get", .type = wanted.claim.type, .ns = wanted.claim.ns, .name = wanted.claim.name}};
    }

  private:
    // A claim without its source, or too small for it, would wait for ever and nobody would be told.
    static void check_source(cluster::Cluster& cluster, const Wanted& wanted) {
        const auto snapshot = find_object(cluster, wanted.snapshot);
        if (!snapshot) {
            throw Error(ErrorKind::kNotFound,
                        "there is no VolumeSnapshot " + wanted.snapshot.ns + "/" + wanted.snapshot.name);
        }
        const std::string needed = snapshot->get("status", "restoreSize").string_or("0");
        if (parse_quantity(wanted.size) >= parse_quantity(needed)) return;
        throw Error(ErrorKind::kInvalid, "argument 'restoreSize' is " + wanted.size +
                                             ", but the VolumeSnapshot " + wanted.snapshot.ns + "/" +
                                             wanted.snapshot.name + " needs " + needed);
    }

    static Value describe(const run::RunContext& run, const Wanted& wanted) {
        Value claim;
        claim["apiVersion"] = "v1";
        claim["kind"] = "PersistentVolumeClaim";
        claim["metadata"]["name"] = wanted.claim.name;
        claim["metadata"]["namespace"] = wanted.claim.ns;
        for (const auto& [key, value] : wanted.labels) claim["metadata"]["labels"][key] = value;
        mark_as_made_by(run, claim);
        Value& spec = claim["spec"];
        for (const std::string& mode : wanted.access_modes) spec["accessModes"].push_back(mode);
        spec["volumeMode"] = wanted.volume_mode;
        spec["storageClassName"] = wanted.storage_class;
        spec["resources"]["requests"]["storage"] = wanted.size;
        spec["dataSource"]["apiGroup"] = types::kVolumeSnapshots.group;
        spec["dataSource"]["kind"] = "VolumeSnapshot";
        spec["dataSource"]["name"] = wanted.snapshot.name;
        return claim;
    }

    model::FunctionSpec spec_{
        .name = "RestoreCSISnapshot",
        .args = {{"name", model::ArgType::kString, true, "the VolumeSnapshot"},
                 {"pvc", model::ArgType::kString, true, "the new PersistentVolumeClaim's name"},
                 {"namespace", model::ArgType::kString, true, "of both"},
                 {"storageClass", model::ArgType::kString, true, "the new claim's"},
                 {"restoreSize", model::ArgType::kString, true, "the new volume's, like 10Gi"},
                 {"accessModes", model::ArgType::kStringList, false,
                  "ReadWriteOnce, ReadOnlyMany, ReadWriteMany", "[ReadWriteOnce]"},
                 {"volumeMode", model::ArgType::kString, false, "Filesystem or Block", "Filesystem"},
                 {"labels", model::ArgType::kMap, false, "labels for the claim"}},
        .outputs = {},
        .description = "makes a PersistentVolumeClaim of what a VolumeSnapshot holds"};
};

}  // namespace

const run::Function& restore_csi_snapshot() {
    static const RestoreCSISnapshot function;
    return function;
}

}  // namespace fencepost::functions
