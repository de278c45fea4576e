#include "base/error.h"
#include "functions/functions.h"
#include "functions/volume_snapshot.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

using cluster::ObjectKey;
namespace types = cluster::types;

class DeleteCSISnapshotContent final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        require_snapshots(run.world().cluster);
        try {
            run.world().cluster.remove(content_of(args));
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound) throw;
        }
        return {};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& /*world*/, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        const ObjectKey key = content_of(args);
        return {{.verb = "delete", .type = key.type, .name = key.name, .argument = "/name"}};
    }

  private:
    static ObjectKey content_of(const Value& args) {
        return {types::kVolumeSnapshotContents, "", run::string_arg(args, "name")};
    }

    model::FunctionSpec spec_{
        .name = "DeleteCSISnapshotContent",
        .args = {{"name", model::ArgType::kString, true,
                  "the VolumeSnapshotContent; fine where there is none"}},
        .outputs = {},
        .description =
            "deletes a VolumeSnapshotContent, as is needed where its policy is Retain, and does "
            "not wait"};
};

}  // namespace

const run::Function& delete_csi_snapshot_content() {
    static const DeleteCSISnapshotContent function;
    return function;
}

}  // namespace fencepost::functions
