#include "base/error.h"
#include "functions/functions.h"
#include "functions/job_pod.h"
#include "functions/rds.h"
#include "functions/rds_dump.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

constexpr auto kInstance = aws::DatabaseKind::kInstance;

class ExportRDSSnapshotToLocation final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    // The instance and the object have names of the attempt: they are taken up, and written once more.
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        check_dump_args(run, args);
        const aws::Rds rds = open_rds(run, args);
        const std::string instance = run::string_arg(args, "instanceID");
        const std::string snapshot = run::string_arg(args, "snapshotID");
        const auto groups = security_groups(run, rds, kInstance, instance, args);
        const std::string name = run.job_pod_name("backup-") + ".tar.gz";
        const std::string temporary = derived_id(run, instance, kMaxDatabaseId);
        try {
            if (const auto there = rds.find(kInstance, temporary, run.cancel());
                there && there->status == "deleting") {
                remove_database(run, rds, kInstance, temporary);
            }
            restore_or_adopt(run, rds, kInstance,
                             {.database = temporary,
                              .snapshot = snapshot,
                              .subnet_group = run::string_arg(args, "dbSubnetGroup", "default"),
                              .security_groups = groups,
                              .engine = {},
                              .engine_version = {}});
            dump(run, args, wait_until_available(run, rds, kInstance, temporary),
                 run::string_arg(args, "backupArtifactPrefix", instance), name);
        } catch (const Cancelled& cancelled) {
            if (cancelled.reason() != CancelReason::kShutdown) give_back(run, rds, temporary);
            throw;
        } catch (const Error&) {
            give_back(run, rds, temporary);
            throw;
        }
        // Before the outcome is recorded: a daemon that dies in between exports again, and none is left.
        give_back(run, rds, temporary);
        Value outputs = run.take_outputs();
        outputs["snapshotID"] = snapshot;
        outputs["instanceID"] = instance;
        outputs["backupID"] = name;
        outputs["securityGroupID"] = list_text(groups);
        return {std::move(outputs)};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& world, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        return exec_pod_needs(world, args);
    }

  private:
    static void dump(run::RunContext& run, const Value& args, const aws::Database& database,
                     const std::string& prefix, const std::string& name) {
        if (database.address.empty())
            throw Error(ErrorKind::kFailedPrecondition, "the temporary RDS instance has no endpoint");
        dump_to_location(run, args,
                         {.host = database.address,
                          .port = database.port,
                          .username = run::string_arg(args, "username"),
                          .password = run::string_arg(args, "password")},
                         prefix, name, list_arg(args, "databases").value_or(std::vector<std::string>()));
    }

    // AWS goes on with it: nobody needs to wait. Asked for even where the run was cancelled.
    static void give_back(run::RunContext& run, const aws::Rds& rds, const std::string& temporary) {
        try {
            rds.remove(kInstance, temporary, CancelToken());
        } catch (const Error& e) {
            if (e.kind() == ErrorKind::kNotFound) return;
            run.feed_error_output("the temporary RDS instance " + temporary +
                                  " is left, delete it: " + e.message() + "\n");
        }
    }

    model::FunctionSpec spec_{
        .name = "ExportRDSSnapshotToLocation",
        .args = with_dump_args(with_aws_args(
            {{"namespace", model::ArgType::kString, true, "where the Pod runs that dumps"},
             {"instanceID", model::ArgType::kString, true, "the DB instance that the snapshot is of"},
             {"snapshotID", model::ArgType::kString, true, "the snapshot"},
             {"dbEngine", model::ArgType::kString, true, "PostgreSQL"},
             {"username", model::ArgType::kString, false, "of the database"},
             {"password", model::ArgType::kString, false, "of that user"},
             {"backupArtifactPrefix", model::ArgType::kString, false,
              "where the dump goes in the profile's location; the instance's name if empty"},
             {"databases", model::ArgType::kAny, false, "a list, or one as YAML text; all if empty"},
             {"securityGroupID", model::ArgType::kAny, false,
              "of the temporary instance: a list, or one as YAML text; the instance's own if empty"},
             {"dbSubnetGroup", model::ArgType::kString, false, "of the temporary instance", "default"}})),
        .outputs = {"snapshotID", "instanceID", "securityGroupID", "backupID"},
        .description = "dumps what a snapshot of an Amazon RDS instance holds into the profile's location"};
};

}  // namespace

const run::Function& export_rds_snapshot_to_location() {
    static const ExportRDSSnapshotToLocation function;
    return function;
}

}  // namespace fencepost::functions
