#include "functions/functions.h"
#include "functions/rds.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

class DeleteRDSSnapshot final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        remove_snapshot(run, open_rds(run, args), database_kind(args), run::string_arg(args, "snapshotID"));
        return {};
    }

  private:
    model::FunctionSpec spec_{
        .name = "DeleteRDSSnapshot",
        .args = with_aws_args(
            {{"snapshotID", model::ArgType::kString, true, "the snapshot; fine where there is none"},
             {"dbEngine", model::ArgType::kString, false,
              "aurora, aurora-mysql or aurora-postgresql of a cluster's"}}),
        .outputs = {},
        .description = "deletes a snapshot of an Amazon RDS database and waits until it has gone"};
};

}  // namespace

const run::Function& delete_rds_snapshot() {
    static const DeleteRDSSnapshot function;
    return function;
}

}  // namespace fencepost::functions
