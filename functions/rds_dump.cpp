#include "functions/rds_dump.h"

#include <algorithm>

#include "base/error.h"
#include "functions/data_mover.h"
#include "functions/exec.h"
#include "functions/job_pod.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

// $1 the host, $2 its port, $3 the object. The first line of every file says that it may be trusted to the
// end.
constexpr std::string_view kConnect = R"(set -euo pipefail
IFS= read -r FENCEPOST_PROFILE
IFS= read -r PGUSER
IFS= read -r pgpass
export FENCEPOST_PROFILE PGHOST=$1 PGPORT=$2
path=$3
shift 3
if [ -n "$PGUSER" ]; then export PGUSER; else unset PGUSER; fi
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%s\n' "$pgpass" > "$work/pgpass"
export PGPASSFILE=$work/pgpass
marker='-- Fencepost: replaces what is there'
)";

// The rest of the words are databases. Those that every server has cannot be dropped: what is in them is.
constexpr std::string_view kDump = R"(databases=("$@")
if [ $# = 0 ]; then
  list=$(psql -XqAt -d postgres -c "select datname from pg_database where datallowconn
    and datname not in ('template0', 'rdsadmin') order by datname")
  mapfile -t databases <<< "$list"
fi
mkdir "$work/backup"
for database in "${databases[@]}"; do
  echo "dumping the database $database"
  quoted=${database//\\/\\\\}
  connection="dbname='${quoted//\'/\\\'}'"
  {
    printf '%s\n' "$marker"
    case $database in
      postgres | template1)
        printf '\\connect %s\n' "$database"
        pg_dump --clean --if-exists -d "$connection" ;;
      *) pg_dump --create --clean --if-exists -d "$connection" ;;
    esac
  } > "$work/backup/${database//\//_}.sql"
done
tar -C "$work" -cz backup | kando location push --path "$path" -
)";

// $1 the snapshot, where the profile keeps those.
constexpr std::string_view kRestore = R"(snapshot=$1
kando location pull --path "$path" ${snapshot:+--kopia-snapshot "$snapshot"} - | tar -xzO | {
  IFS= read -r first || { echo "the backup holds no dump" >&2; exit 1; }
  stop=0
  [ "$first" != "$marker" ] || stop=1
  { printf '%s\n' "$first"; exec cat; } | psql -Xq -o /dev/null -v ON_ERROR_STOP=$stop -d postgres
}
)";

std::string trimmed(const std::string& text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kSpace);
    if (first == std::string::npos) return {};
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// A line of libpq's password file, for whatever server and user.
std::string password_line(const std::string& password) {
    std::string line = "*:*:*:*:";
    for (const char c : password) {
        if (c == ':' || c == '\\') line += '\\';
        line += c;
    }
    return line;
}

void run_in_pod(run::RunContext& run, const Value& args, const DumpServer& server, std::string_view script,
                std::vector<std::string> words) {
    std::vector<std::string> command{"bash", "-c", std::string(kConnect) + std::string(script), "dump"};
    command.insert(command.end(), {server.host, server.port});
    std::move(words.begin(), words.end(), std::back_inserter(command));
    const std::string secrets = secret_lines(
        {profile_json(*run.profile()), trimmed(server.username), password_line(trimmed(server.password))});
    in_job_pod(run,
               {.name_prefix = "kanister-job-",
                .ns = run::string_arg(args, "namespace"),
                .spec = waiting_pod_spec(run::string_arg(args, "image", kToolsImage))},
               args, [&](const ExecTarget& target) {
                   const std::string error = exec_in_pod(
                       run, target, command, [&](std::string_view bytes) { run.feed_output(bytes); },
                       secrets);
                   if (!error.empty()) throw Error(ErrorKind::kInternal, error);
               });
}

// Where the profile keeps snapshots, the last one of that object; else nothing.
std::string snapshot_of(run::RunContext& run, const std::string& path) {
    if (run.profile()->repository_key.is_empty()) return {};
    const OpenRepository opened = open_repository(run, *run.profile(), false);
    const std::string inside = "/" + path;
    const location::SnapshotRecord* last = nullptr;
    const auto all = opened.repository->snapshots(run.cancel());
    for (const location::SnapshotRecord& each : all) {
        if (std::find(each.paths.begin(), each.paths.end(), inside) == each.paths.end()) continue;
        if (last == nullptr || each.time > last->time) last = &each;
    }
    if (last == nullptr)
        throw Error(ErrorKind::kNotFound, "the profile's repository has no snapshot of " + path);
    return last->id;
}

}  // namespace

std::vector<model::ArgSpec> with_dump_args(std::vector<model::ArgSpec> args) {
    args.push_back({"image", model::ArgType::kString, false,
                    "of the Pod: with bash, PostgreSQL's clients and Fencepost's kando", kToolsImage});
    return with_pod_args(std::move(args));
}

void dump_to_location(run::RunContext& run, const Value& args, const DumpServer& server,
                      const std::string& prefix, const std::string& name,
                      const std::vector<std::string>& databases) {
    std::vector<std::string> words{location::join_key(prefix, name)};
    words.insert(words.end(), databases.begin(), databases.end());
    run_in_pod(run, args, server, kDump, std::move(words));
}

void restore_from_location(run::RunContext& run, const Value& args, const DumpServer& server,
                           const std::string& prefix, const std::string& name) {
    const std::string path = location::join_key(prefix, name);
    run_in_pod(run, args, server, kRestore, {path, snapshot_of(run, path)});
}

void check_dump_args(const run::RunContext& run, const Value& args) {
    if (const std::string engine = run::string_arg(args, "dbEngine"); engine != "PostgreSQL") {
        throw Error(ErrorKind::kInvalid,
                    "argument 'dbEngine' is '" + engine + "': dumps are made of PostgreSQL alone");
    }
    if (run.profile() == nullptr) {
        throw Error(ErrorKind::kInvalid, "Profile must be non-nil",
                    "name a profile in the action: it says where dumps are kept");
    }
}

}  // namespace fencepost::functions
