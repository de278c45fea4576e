#include "base/encodings.h"
#include "base/error.h"
#include "functions/functions.h"
#include "functions/job_pod.h"
#include "functions/rds.h"
#include "functions/rds_dump.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

using aws::DatabaseKind;

// As Kanister's.
constexpr const char* kMemberSuffix = "-instance-1";
constexpr const char* kMemberClass = "db.r5.large";

class RestoreRDSSnapshot final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        if (!has_text(args, "snapshotID")) return {from_dump(run, args)};
        from_snapshot(run, args);
        return {};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& world, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        if (has_text(args, "snapshotID")) return {};
        return exec_pod_needs(world, args);
    }

  private:
    static bool has_text(const Value& args, std::string_view name) {
        return !run::string_arg(args, name).empty();
    }

    static Value from_dump(run::RunContext& run, const Value& args) {
        for (const char* name : {"backupArtifactPrefix", "backupID", "username", "password", "namespace"}) {
            if (!has_text(args, name)) {
                throw Error(ErrorKind::kInvalid,
                            "argument '" + std::string(name) + "' is required where there is no snapshotID");
            }
        }
        check_dump_args(run, args);
        const std::string instance = run::string_arg(args, "instanceID");
        const aws::Database database =
            wait_until_available(run, open_rds(run, args), DatabaseKind::kInstance, instance);
        restore_from_location(run, args,
                              {.host = database.address,
                               .port = database.port,
                               .username = run::string_arg(args, "username"),
                               .password = run::string_arg(args, "password")},
                              run::string_arg(args, "backupArtifactPrefix"),
                              run::string_arg(args, "backupID"));
        Value outputs = run.take_outputs();
        outputs["endpoint"] = database.address;
        return outputs;
    }

    static void from_snapshot(run::RunContext& run, const Value& args) {
        const aws::Rds rds = open_rds(run, args);
        const DatabaseKind kind = database_kind(args);
        aws::RestoreRequest request{.database = run::string_arg(args, "instanceID"),
                                    .snapshot = run::string_arg(args, "snapshotID"),
                                    .subnet_group = run::string_arg(args, "dbSubnetGroup", "default"),
                                    .security_groups = {},
                                    .engine = run::string_arg(args, "dbEngine"),
                                    .engine_version = {}};
        // Before the database is deleted that it shall replace.
        request.engine_version =
            wait_until_snapshot_available(run, rds, kind, request.snapshot).engine_version;
        const auto there = rds.find(kind, request.database, run.cancel());
        if (!there || !is_of_an_earlier_try(run, *there)) {
            request.security_groups = security_groups(run, rds, kind, request.database, args);
            remove_database(run, rds, kind, request.database);
            restore_or_adopt(run, rds, kind, request);
        }
        wait_until_available(run, rds, kind, request.database);
        if (kind == DatabaseKind::kCluster) add_member(run, rds, request);
    }

    // A daemon that died here may have restored it already: nobody else has made one since this action began.
    static bool is_of_an_earlier_try(const run::RunContext& run, const aws::Database& there) {
        if (!run.is_resumed() && run.attempt() == 1) return false;
        if (there.status == "deleting") return false;
        const std::string began = run.action_set().get("metadata", "creationTimestamp").string_or("");
        return !there.created || (!began.empty() && *there.created > parse_rfc3339(began));
    }

    // A cluster is restored without any instance.
    static void add_member(run::RunContext& run, const aws::Rds& rds, const aws::RestoreRequest& request) {
        const std::string member = request.database + kMemberSuffix;
        try {
            rds.create_instance_in_cluster(member, request.database, request.engine, kMemberClass,
                                           run.cancel());
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kAlreadyExists) throw;
        }
        wait_until_available(run, rds, DatabaseKind::kInstance, member);
    }

    model::FunctionSpec spec_{
        .name = "RestoreRDSSnapshot",
        .args = with_dump_args(with_aws_args(
            {{"instanceID", model::ArgType::kString, true,
              "the DB instance, or Aurora's DB cluster: a snapshot replaces it, a dump goes into it"},
             {"snapshotID", model::ArgType::kString, false, "the snapshot; a dump is restored if empty"},
             {"dbEngine", model::ArgType::kString, false,
              "aurora, aurora-mysql or aurora-postgresql of a cluster; PostgreSQL of a dump"},
             {"backupArtifactPrefix", model::ArgType::kString, false, "where the dump is"},
             {"backupID", model::ArgType::kString, false, "its name there"},
             {"username", model::ArgType::kString, false, "of the database, for a dump"},
             {"password", model::ArgType::kString, false, "of that user"},
             {"namespace", model::ArgType::kString, false, "where the Pod runs that restores a dump"},
             {"securityGroupID", model::ArgType::kAny, false,
              "a list, or one as YAML text; those of the database that is replaced if empty"},
             {"dbSubnetGroup", model::ArgType::kString, false, "of the new one", "default"}})),
        .outputs = {},
        .description =
            "replaces an Amazon RDS database by what a snapshot holds, or restores a dump into it"};
};

}  // namespace

const run::Function& restore_rds_snapshot() {
    static const RestoreRDSSnapshot function;
    return function;
}

}  // namespace fencepost::functions
