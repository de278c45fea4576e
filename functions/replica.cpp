#include "functions/replica.h"

#include <cstdlib>

#include "base/encodings.h"
#include "base/error.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

constexpr std::string_view kPauseState =
    "select pg_is_in_recovery(), case when pg_is_in_recovery() then pg_get_wal_replay_pause_state() else '' "
    "end, "
    "case when not pg_is_in_recovery() or pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0 "
    "else coalesce(extract(epoch from now() - pg_last_xact_replay_timestamp()), 0) end";

}  // namespace

std::vector<std::string> psql(const Value& args, std::string_view sql) {
    std::vector<std::string> command{"psql",
                                     "--no-psqlrc",
                                     "-qAt",
                                     "-F",
                                     " ",
                                     "-v",
                                     "ON_ERROR_STOP=1",
                                     "-d",
                                     run::string_arg(args, "database", kDefaultDatabase)};
    if (const std::string port = run::string_arg(args, "port"); !port.empty())
        command.insert(command.end(), {"-p", port});
    if (const std::string user = run::string_arg(args, "user"); !user.empty())
        command.insert(command.end(), {"-U", user});
    command.insert(command.end(), {"-c", std::string(sql)});
    return command;
}

std::string query(run::RunContext& run, const Value& args, const ExecTarget& target, std::string_view sql) {
    std::string output;
    const std::string error =
        exec_in_pod(run, target, psql(args, sql), [&](std::string_view bytes) { output += bytes; });
    if (!error.empty()) throw Error(ErrorKind::kInternal, "psql: " + error);
    while (!output.empty() && output.back() == '\n') output.pop_back();
    return output;
}

void check_replica(run::RunContext& run, const Value& args, const ExecTarget& target) {
    const std::string pod = "pod " + target.ns + "/" + target.pod;
    // "t paused 0.5", or "f  0" on a primary
    const std::string state = query(run, args, target, kPauseState);
    if (!state.starts_with("t ")) {
        throw Error(ErrorKind::kFailedPrecondition,
                    pod + " is not a streaming replica: its PostgreSQL is not in recovery",
                    "select the replica's pods, never the primary's");
    }
    if (state.find("not paused") == std::string::npos) {
        throw Error(ErrorKind::kFailedPrecondition,
                    "WAL replay of " + pod + " is paused already, by somebody else",
                    "resume it with: select pg_wal_replay_resume()");
    }
    const std::string limit = run::string_arg(args, "maxLag");
    if (limit.empty()) return;
    const double lag = std::strtod(state.c_str() + state.rfind(' ') + 1, nullptr);
    if (lag > static_cast<double>(parse_duration(limit).count()) / 1e9) {
        throw Error(ErrorKind::kFailedPrecondition,
                    pod + " lags " + std::to_string(lag) + " s behind its primary, more than maxLag " + limit,
                    "wait until it has caught up, or raise maxLag");
    }
}

}  // namespace fencepost::functions
