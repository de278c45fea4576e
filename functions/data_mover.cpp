#include "functions/data_mover.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "functions/exec.h"
#include "functions/job_pod.h"
#include "run/args.h"
#include "run/output_lines.h"
#include "value/json.h"

namespace fencepost::functions {

namespace {

// $1... are the arguments; standard input has what is secret. An older kando, or Kanister's, has no such
// verb.
constexpr std::string_view kSecrets = R"(set -eu
for name in FENCEPOST_PROFILE RESTIC_REPOSITORY RESTIC_PASSWORD AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY \
    AWS_SESSION_TOKEN AWS_DEFAULT_REGION; do
  IFS= read -r value
  [ -z "$value" ] || export "$name=$value"
done
has_kando() { kando repository --help > /dev/null 2>&1; }
if ! has_kando && ! command -v restic > /dev/null; then
  echo "the container has neither Fencepost's kando nor restic" >&2
  exit 127
fi
)";

constexpr std::string_view kBackup = R"(path=$1 tag=$2 host=$3 tls=$4
if has_kando; then
  exec kando repository backup --tag "$tag" ${host:+--host "$host"} "$path"
fi
exec restic backup --json --no-cache ${tls:+"$tls"} --tag "$tag" ${host:+--host "$host"} -- "$path"
)";

constexpr std::string_view kRestore = R"(snapshot=$1 tag=$2 path=$3 target=$4 tls=$5
if has_kando; then
  exec kando repository restore ${snapshot:+--snapshot "$snapshot"} ${tag:+--tag "$tag"} \
    ${path:+--path "$path"} "$target"
fi
exec restic restore --no-cache ${tls:+"$tls"} --target "$target" ${tag:+--tag "$tag"} -- \
  "${snapshot:-latest}${path:+:$path}"
)";

std::uint64_t count_in(const Value& message, std::string_view member) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, message[member].int_or(0)));
}

// What the mover prints, line by line: the summary and progress are read, all but progress is the phase's.
class MoverOutput {
  public:
    MoverOutput(run::RunContext& run, OnProgress on_progress)
        : run_(run), on_progress_(std::move(on_progress)) {}

    void add(std::string_view bytes) {
        for (const char c : bytes) {
            line_ += c;
            if (c == '\n') end_line();
            if (line_.size() > kMaxLineBytes) {
                throw Error(ErrorKind::kTooLarge, "the mover printed a line of more than " +
                                                      std::to_string(kMaxLineBytes) + " bytes");
            }
        }
    }
    [[nodiscard]] Value summary() {
        if (!line_.empty()) add("\n");
        return std::move(summary_);
    }

  private:
    static constexpr std::size_t kMaxLineBytes = std::size_t{1} << 20U;

    void end_line() {
        const std::string line = std::exchange(line_, {});
        const Value message = line.starts_with("{\"") ? parsed(line) : Value();
        const std::string type = message["message_type"].string_or("");
        if (type == "status") return on_progress_(count_in(message, "bytes_done"));  // restic's
        run::OutputLines marked;
        marked.feed(line);
        if (const Value kandos = marked.take_progress(); kandos.is_map())
            return on_progress_(count_in(kandos, "uploadedBytes") + count_in(kandos, "downloadedBytes"));
        if (type == "summary") summary_ = message;
        run_.feed_output(line);
    }
    static Value parsed(const std::string& line) {
        try {
            return parse_json(line);
        } catch (const Error&) {
            return {};
        }
    }

    run::RunContext& run_;
    OnProgress on_progress_;
    std::string line_;
    Value summary_;
};

std::string restic_repository(const location::ResolvedProfile& profile) {
    if (profile.type == "filestore") return profile.file_path + "/" + profile.prefix;
    std::string endpoint = profile.endpoint.empty() ? "s3.amazonaws.com" : profile.endpoint;
    while (!endpoint.empty() && endpoint.back() == '/') endpoint.pop_back();
    return "s3:" + endpoint + "/" + profile.bucket + "/" + profile.prefix;
}

Value move_files(run::RunContext& run, const ExecTarget& target, const location::ResolvedProfile& profile,
                 std::string_view script, const std::vector<std::string>& arguments, OnProgress on_progress) {
    std::vector<std::string> command = {"sh", "-c", std::string(kSecrets) + std::string(script), "mover"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    command.emplace_back(profile.skip_ssl_verify ? "--insecure-tls" : "");
    MoverOutput output(run, std::move(on_progress));
    const std::string error = exec_in_pod(
        run, target, command, [&](std::string_view bytes) { output.add(bytes); },
        secret_lines({profile_json(profile), restic_repository(profile), profile.repository_key.reveal(),
                      profile.access_key_id, profile.secret_access_key.reveal(),
                      profile.session_token.reveal(), profile.region}));
    if (!error.empty()) throw Error(ErrorKind::kInternal, error);
    return output.summary();
}

void refuse_relative(std::string_view argument, const std::string& path) {
    if (path.starts_with('/')) return;
    throw Error(ErrorKind::kInvalid,
                "argument '" + std::string(argument) + "': '" + path + "' is no absolute path");
}

}  // namespace

std::vector<model::ArgSpec> with_repository_args(std::vector<model::ArgSpec> args) {
    args.push_back({"encryptionKey", model::ArgType::kString, false,
                    "the repository's password; the profile's repository key where absent"});
    args.push_back({"insecureTLS", model::ArgType::kBool, false,
                    "true: the object store's certificate is not verified", "false"});
    return args;
}

location::ResolvedProfile repository_profile(const run::RunContext& run, const Value& args,
                                             const std::string& prefix) {
    if (run.profile() == nullptr)
        throw Error(ErrorKind::kInvalid, "Profile must be non-nil", "name a profile in the action");
    location::ResolvedProfile profile = *run.profile();
    profile.prefix = location::join_key("", prefix);
    if (const std::string bucket = profile.bucket + "/";
        !profile.bucket.empty() && profile.prefix.starts_with(bucket)) {
        profile.prefix.erase(0, bucket.size());
    }
    if (profile.prefix.empty()) {
        throw Error(ErrorKind::kInvalid, "the artifact prefix is empty",
                    "the repository needs a place of its own in the profile's location");
    }
    if (const std::string key = run::string_arg(args, "encryptionKey"); !key.empty())
        profile.repository_key = Secret(key);
    if (profile.repository_key.is_empty()) {
        throw Error(ErrorKind::kInvalid, "the repository has no password: encryptionKey is absent",
                    "give encryptionKey, or the profile a repositoryKey");
    }
    if (run::bool_arg(args, "insecureTLS", false)) profile.skip_ssl_verify = true;
    return profile;
}

OpenRepository open_repository(run::RunContext& run, const location::ResolvedProfile& profile, bool create) {
    OpenRepository opened{.location = location::open_location(profile, run.world().http, run.world().clock),
                          .repository = {}};
    opened.repository = location::Repository::open(*opened.location, run.world().clock,
                                                   profile.repository_key, create, run.cancel());
    return opened;
}

Value back_up_in_pod(run::RunContext& run, const ExecTarget& target, const location::ResolvedProfile& profile,
                     const BackupRequest& request) {
    refuse_relative("includePath", request.path);
    (void)open_repository(run, profile, true);
    Value summary = move_files(
        run, target, profile, kBackup, {request.path, request.tag, request.host},
        request.on_progress ? request.on_progress
                            : [&](std::uint64_t bytes) { run.report_progress(0, bytes, 0); });
    if (summary["snapshot_id"].string_or("").empty()) {
        throw Error(ErrorKind::kInternal, "the backup of " + request.path + " in pod " + target.ns + "/" +
                                              target.pod + " named no snapshot");
    }
    return summary;
}

Value restore_in_pod(run::RunContext& run, const ExecTarget& target, const location::ResolvedProfile& profile,
                     const RestoreRequest& request) {
    refuse_relative("restorePath", request.target);
    return move_files(
        run, target, profile, kRestore, {request.snapshot, request.tag, request.path, request.target},
        request.on_progress ? request.on_progress
                            : [&](std::uint64_t bytes) { run.report_progress(0, 0, bytes); });
}

Value backup_outputs(const Value& summary, const std::string& tag) {
    return Map{{"backupID", summary["snapshot_id"]},
               {"backupTag", tag},
               {"fileCount", std::to_string(count_in(summary, "total_files_processed"))},
               {"size", bytes_text(count_in(summary, "total_bytes_processed"))},
               {"phySize", bytes_text(count_in(summary, "data_added"))},
               {"version", "v0.0.0"}};
}

std::string profile_json(const location::ResolvedProfile& profile) {
    return to_json(
        Map{{"Location", Map{{"type", profile.type},
                             {"bucket", profile.bucket},
                             {"endpoint", profile.endpoint},
                             {"prefix", profile.prefix},
                             {"region", profile.region},
                             {"path", profile.file_path}}},
            {"Credential", Map{{"Type", "keyPair"},
                               {"KeyPair", Map{{"ID", profile.access_key_id},
                                               {"Secret", profile.secret_access_key.reveal()},
                                               {"SessionToken", profile.session_token.reveal()}}}}},
            {"SkipSSLVerify", profile.skip_ssl_verify},
            {"CABundle", profile.ca_bundle_pem},
            {"RepositoryKey", profile.repository_key.reveal()}});
}

std::string secret_lines(const std::vector<std::string>& secrets) {
    std::string lines;
    for (const std::string& value : secrets) {
        if (value.find_first_of(std::string_view("\n\0", 2)) != std::string::npos) {
            throw Error(ErrorKind::kInvalid, "the profile, or encryptionKey, has a line break in it",
                        "a value of a Secret often ends with one by mistake");
        }
        lines += value + "\n";
    }
    return lines;
}

std::string bytes_text(std::uint64_t bytes) { return std::to_string(bytes) + " B"; }

Value waiting_pod_spec(const std::string& image) {
    return command_pod_spec(image, {"sh", "-c", "tail -f /dev/null"});
}

}  // namespace fencepost::functions
