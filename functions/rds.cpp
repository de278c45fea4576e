#include "functions/rds.h"

#include <algorithm>
#include <array>

#include "aws/sts.h"
#include "base/encodings.h"
#include "base/error.h"
#include "functions/poll.h"
#include "run/args.h"
#include "value/json.h"
#include "value/yaml.h"

namespace fencepost::functions {

namespace {

using aws::DatabaseKind;

std::string named(DatabaseKind kind, const std::string& id) {
    return (kind == DatabaseKind::kCluster ? "the RDS cluster " : "the RDS instance ") + id;
}

// Nothing leads out of these but an operator.
bool is_hopeless(const std::string& status) {
    static constexpr std::array kStatuses{"failed",         "deleting",
                                          "deleted",        "restore-error",
                                          "storage-full",   "inaccessible-encryption-credentials",
                                          "cloning-failed", "migration-failed"};
    return status.starts_with("incompatible-") ||
           std::find(kStatuses.begin(), kStatuses.end(), status) != kStatuses.end();
}

// Calls `look`, which gives something with a status or nothing, until that is "available".
template <typename Look>
auto wait_until_it_is_available(run::RunContext& run, const std::string& name, const Look& look) {
    decltype(look()) seen;
    std::string told;
    const auto is_available = [&] {
        seen = look();
        if (!seen) {
            throw Error(ErrorKind::kNotFound,
                        name + (told.empty() ? " does not exist" : " was deleted by somebody else"));
        }
        const std::string& status = seen->status;
        if (status != told) run.feed_error_output(name + " is " + status + "\n");
        told = status;
        if (is_hopeless(status))
            throw Error(ErrorKind::kFailedPrecondition, name + " is " + status + " and will not be available",
                        "see its events in AWS");
        return status == "available";
    };
    if (poll_until(run, run.deadline(), is_available, kRdsPause)) return *seen;
    throw Error(ErrorKind::kTimeout, name + " is not available in time: it is " + told);
}

// Asks for its removal until it is gone: what is still being made, or backed up, refuses at first.
template <typename Look, typename Remove>
void remove_and_wait(run::RunContext& run, const std::string& name, const Look& look, const Remove& remove) {
    std::string status;
    const auto is_gone = [&] {
        const auto seen = look();
        if (!seen) return true;
        if (seen->status == "deleting") {
            status = seen->status;
            return false;
        }
        try {
            remove();
            status = "deleting";
        } catch (const Error& e) {
            if (e.kind() == ErrorKind::kNotFound) return true;
            if (e.kind() != ErrorKind::kConflict) throw;
            status = e.message();
        }
        return false;
    };
    if (poll_until(run, run.deadline(), is_gone, kRdsPause)) return;
    throw Error(ErrorKind::kTimeout, name + " is still there: " + status);
}

// Of the action, else of the phase.
Value named_secret(const run::RunContext& run, const std::string& name) {
    const std::string of_phase = "(index .Phases " + to_json(Value(run.phase_name())) + ").Secrets";
    for (const std::string& secrets : {std::string(".Secrets"), of_phase}) {
        const Value all = parse_json(run.render(Value("{{ toJson " + secrets + " }}")).as_string());
        if (const Value* found = all.find(name)) return *found;
    }
    throw Error(
        ErrorKind::kInvalid,
        "argument 'credentialsSecret': neither the action nor the phase has a Secret called '" + name + "'",
        "name it in the ActionSet's secrets or the phase's objects");
}

std::string secret_text(const Value& secret, const char* key) {
    return base64_decode(secret.get("data", key).string_or(""));
}

aws::Credentials of_profile(const run::RunContext& run) {
    const location::ResolvedProfile* profile = run.profile();
    if (profile == nullptr) {
        throw Error(ErrorKind::kInvalid, "Profile must be non-nil",
                    "name a profile in the action, or give credentialsSource");
    }
    if (profile->access_key_id.empty()) {
        throw Error(ErrorKind::kInvalid,
                    "the action's profile has no AWS access key: it is a " + profile->type,
                    "give credentialsSource: secret and credentialsSecret");
    }
    return {profile->access_key_id, profile->secret_access_key, profile->session_token};
}

aws::Credentials of_secret(const run::RunContext& run, const aws::Sts& sts, const std::string& name) {
    if (name.empty()) {
        throw Error(ErrorKind::kInvalid,
                    "credentialsSecret is required if credentialsSource is set to 'secret'");
    }
    const Value secret = named_secret(run, name);
    const aws::Credentials keys{secret_text(secret, "aws_access_key_id"),
                                Secret(secret_text(secret, "aws_secret_access_key")),
                                Secret(secret_text(secret, "aws_session_token"))};
    if (keys.access_key_id.empty() || keys.secret_access_key.is_empty()) {
        throw Error(ErrorKind::kInvalid, "the Secret '" + name +
                                             "' has no aws_access_key_id and "
                                             "aws_secret_access_key");
    }
    const std::string role = secret_text(secret, "role");
    return role.empty() ? keys : aws::assume_role(sts, keys, role, run.cancel());
}

aws::Credentials credentials(const run::RunContext& run, const aws::Sts& sts, const Value& args,
                             const aws::Environment& environment) {
    const std::string source = run::string_arg(args, "credentialsSource", "profile");
    if (source == "profile") return of_profile(run);
    if (source == "secret") return of_secret(run, sts, run::string_arg(args, "credentialsSecret"));
    // Kanister's documentation has the second name, its code takes the first.
    if (source == "eks_service_account" || source == "serviceaccount")
        return aws::assume_role_of_service_account(sts, environment, run.cancel());
    throw Error(ErrorKind::kInvalid, "argument 'credentialsSource' is '" + source +
                                         "': it is profile, secret or eks_service_account");
}

}  // namespace

std::vector<model::ArgSpec> with_aws_args(std::vector<model::ArgSpec> args) {
    args.push_back({"credentialsSource", model::ArgType::kString, false,
                    "profile, secret, or eks_service_account: the role of the daemon's own", "profile"});
    args.push_back({"credentialsSecret", model::ArgType::kString, false,
                    "a Secret of the action or phase with aws_access_key_id and aws_secret_access_key"});
    args.push_back({"region", model::ArgType::kString, false, "the profile's, or AWS_REGION's, if empty"});
    return args;
}

aws::Rds open_rds(run::RunContext& run, const Value& args) {
    run::World& world = run.world();
    std::string region = run::string_arg(args, "region");
    if (region.empty() && run.profile() != nullptr) region = run.profile()->region;
    if (region.empty()) region = world.aws.region;
    const aws::Sts sts{region, world.aws.sts_endpoint, world.http, world.clock};
    return aws::Rds(aws::QueryClient({.name = "rds",
                                      .version = "2014-10-31",
                                      .region = region,
                                      .endpoint = world.aws.rds_endpoint,
                                      .credentials = credentials(run, sts, args, world.aws)},
                                     world.http, world.clock));
}

DatabaseKind database_kind(const Value& args) {
    const std::string engine = run::string_arg(args, "dbEngine");
    const bool is_aurora = engine == "aurora" || engine == "aurora-mysql" || engine == "aurora-postgresql";
    return is_aurora ? DatabaseKind::kCluster : DatabaseKind::kInstance;
}

std::optional<std::vector<std::string>> list_arg(const Value& args, std::string_view name) {
    if (!run::has_arg(args, name)) return std::nullopt;
    Value said = args[name];
    if (said.is_string()) {
        said = parse_yaml_value(said.as_string(), name);
        if (said.is_nil()) return std::nullopt;
    }
    Value one;
    one[name] = std::move(said);
    return run::strings_arg(one, name);
}

std::string list_text(const std::vector<std::string>& items) {
    List list;
    for (const std::string& item : items) list.emplace_back(item);
    return to_yaml(Value(std::move(list)));
}

std::vector<std::string> security_groups(run::RunContext& run, const aws::Rds& rds, DatabaseKind kind,
                                         const std::string& id, const Value& args) {
    if (auto said = list_arg(args, "securityGroupID")) return std::move(*said);
    if (auto there = rds.find(kind, id, run.cancel())) return std::move(there->security_groups);
    throw Error(ErrorKind::kNotFound,
                named(kind, id) + " does not exist, so its security groups are not known",
                "give securityGroupID, which CreateRDSSnapshot has told");
}

std::string derived_id(const run::RunContext& run, const std::string& database, std::size_t longest) {
    const std::string suffix = run.job_pod_name("-");
    std::string id = database.substr(0, longest - suffix.size());
    while (id.ends_with('-')) id.pop_back();
    return id + suffix;
}

void restore_or_adopt(run::RunContext& run, const aws::Rds& rds, DatabaseKind kind,
                      const aws::RestoreRequest& request) {
    try {
        rds.restore(kind, request, run.cancel());
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kAlreadyExists) throw;
    }
}

aws::Database wait_until_available(run::RunContext& run, const aws::Rds& rds, DatabaseKind kind,
                                   const std::string& id) {
    return wait_until_it_is_available(run, named(kind, id), [&] { return rds.find(kind, id, run.cancel()); });
}

aws::Snapshot wait_until_snapshot_available(run::RunContext& run, const aws::Rds& rds, DatabaseKind kind,
                                            const std::string& id) {
    return wait_until_it_is_available(run, "the RDS snapshot " + id,
                                      [&] { return rds.find_snapshot(kind, id, run.cancel()); });
}

void remove_database(run::RunContext& run, const aws::Rds& rds, DatabaseKind kind, const std::string& id) {
    const auto look = [&] { return rds.find(kind, id, run.cancel()); };
    if (kind == DatabaseKind::kCluster) {
        if (const auto cluster = look()) {
            for (const std::string& member : cluster->members)
                remove_database(run, rds, DatabaseKind::kInstance, member);
        }
    }
    remove_and_wait(run, named(kind, id), look, [&] { rds.remove(kind, id, run.cancel()); });
}

void remove_snapshot(run::RunContext& run, const aws::Rds& rds, DatabaseKind kind, const std::string& id) {
    remove_and_wait(
        run, "the RDS snapshot " + id, [&] { return rds.find_snapshot(kind, id, run.cancel()); },
        [&] { rds.remove_snapshot(kind, id, run.cancel()); });
}

}  // namespace fencepost::functions
