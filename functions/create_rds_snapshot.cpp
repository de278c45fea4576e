#include "base/error.h"
#include "functions/functions.h"
#include "functions/rds.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

using aws::DatabaseKind;

class CreateRDSSnapshot final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const aws::Rds rds = open_rds(run, args);
        const DatabaseKind kind = database_kind(args);
        const std::string instance = run::string_arg(args, "instanceID");
        const auto database = rds.find(kind, instance, run.cancel());
        if (!database) throw Error(ErrorKind::kNotFound, "there is no RDS database '" + instance + "'");
        const std::string id = derived_id(run, instance, kMaxSnapshotId);
        const aws::Snapshot snapshot = take(run, rds, kind, instance, id);
        const bool is_cluster = kind == DatabaseKind::kCluster;
        return {Map{{"snapshotID", id},
                    {"instanceID", instance},
                    {"securityGroupID", list_text(database->security_groups)},
                    {"allocatedStorage", (is_cluster ? "0" : snapshot.allocated_gib) + "GiB"},
                    {"dbSubnetGroup", database->subnet_group}}};
    }

  private:
    static aws::Snapshot take(run::RunContext& run, const aws::Rds& rds, DatabaseKind kind,
                              const std::string& instance, const std::string& id) {
        try {
            rds.create_snapshot(kind, id, instance, run.cancel());
        } catch (const Error& e) {
            // The name is of this attempt alone: it was begun here, or by a daemon that died.
            if (e.kind() != ErrorKind::kAlreadyExists) throw;
        }
        try {
            return wait_until_snapshot_available(run, rds, kind, id);
        } catch (const Cancelled& cancelled) {
            if (cancelled.reason() != CancelReason::kShutdown) give_up(run, rds, kind, id);
            throw;
        } catch (const Error&) {
            give_up(run, rds, kind, id);
            throw;
        }
    }

    // What failed is told to nobody, so nobody would ever delete it. Asked for even where the run was
    // cancelled.
    static void give_up(run::RunContext& run, const aws::Rds& rds, DatabaseKind kind, const std::string& id) {
        try {
            rds.remove_snapshot(kind, id, CancelToken());
        } catch (const Error& e) {
            if (e.kind() == ErrorKind::kNotFound) return;
            run.feed_error_output("the RDS snapshot " + id + " is left, delete it: " + e.message() + "\n");
        }
    }

    model::FunctionSpec spec_{
        .name = "CreateRDSSnapshot",
        .args = with_aws_args(
            {{"instanceID", model::ArgType::kString, true, "the DB instance, or Aurora's DB cluster"},
             {"dbEngine", model::ArgType::kString, false,
              "aurora, aurora-mysql or aurora-postgresql of a cluster"}}),
        .outputs = {"snapshotID", "instanceID", "securityGroupID", "allocatedStorage", "dbSubnetGroup"},
        .description = "takes a snapshot of an Amazon RDS database and waits until it can be used"};
};

}  // namespace

const run::Function& create_rds_snapshot() {
    static const CreateRDSSnapshot function;
    return function;
}

}  // namespace fencepost::functions
