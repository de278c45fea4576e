#include "base/error.h"
#include "functions/functions.h"
#include "functions/poll.h"
#include "functions/volume_snapshot.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

using cluster::ObjectKey;
namespace types = cluster::types;

class DeleteCSISnapshot final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        require_snapshots(run.world().cluster);
        const ObjectKey key = snapshot_of(args);
        try {
            const Value removed = run.world().cluster.remove(key);
            wait_until_gone(run, key, cluster::uid_of(removed));
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound) throw;
        }
        return {};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& /*world*/, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        const ObjectKey key = snapshot_of(args);
        return {{.verb = "delete", .type = key.type, .ns = key.ns, .name = key.name, .argument = "/name"},
                {.verb = "get", .type = key.type, .ns = key.ns, .name = key.name, .argument = "/name"}};
    }

  private:
    static ObjectKey snapshot_of(const Value& args) {
        return {types::kVolumeSnapshots, run::string_arg(args, "namespace"), run::string_arg(args, "name")};
    }

    model::FunctionSpec spec_{
        .name = "DeleteCSISnapshot",
        .args = {{"name", model::ArgType::kString, true, "the VolumeSnapshot; fine where there is none"},
                 {"namespace", model::ArgType::kString, true, "its namespace"}},
        .outputs = {},
        .description = "deletes a VolumeSnapshot and waits until it has gone"};
};

}  // namespace

const run::Function& delete_csi_snapshot() {
    static const DeleteCSISnapshot function;
    return function;
}

}  // namespace fencepost::functions
