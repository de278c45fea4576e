// The verbs: what each takes, and the function that does it. They return exit codes and throw Error or
// Cancelled.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/cli.h"
#include "cli/server.h"
#include "value/value.h"

namespace fencepost::cli {

// The flags of serve that were given, by the setting's key, and the configuration file.
struct ServeFlags {
    std::map<std::string, std::string> settings;
    std::string config;
};
struct ApplyOptions {
    std::vector<std::string> files;  // "-" is stdin; a folder is every .yaml, .yml and .json in it
    std::string ns = "default";
};
struct GetOptions {
    std::string kind;  // also KIND/NAME
    std::vector<std::string> names;
    std::string ns = "default";
    bool all_namespaces = false;
    std::string selector;
    std::string output = "table";
};
struct DescribeOptions {
    std::string kind;  // also KIND/NAME
    std::vector<std::string> names;
    std::string ns = "default";
};
struct DeleteOptions {
    std::string kind;
    std::vector<std::string> names;
    std::vector<std::string> files;
    std::string ns = "default";
    std::optional<std::int64_t> grace_period;
    bool ignore_not_found = false;
    bool wait = true;
    std::string timeout = "60s";
};
struct RunOptions {
    std::string action;
    std::string object;  // KIND/NAME
    std::string ns = "default";
    std::string blueprint, profile, from, timeout;
    std::vector<std::string> options;  // key=value
    std::string output = "table";
    bool detach = false;
    bool is_from_scratch = false;
    std::vector<std::string> files;  // with is_from_scratch: what the cluster holds
};
// Which objects of an application.
struct FilterOptions {
    std::vector<std::string> included, excluded;  // KIND or KIND/NAME
    std::vector<std::string> excluded_labels;     // key=value,...; what has all of one of them
};
struct BackupOptions {
    std::string ns;
    bool is_plan = false;
    FilterOptions filters;
    std::string profile, expires_in;
    bool detach = false;
    std::string output = "table";
};
struct RestoreOptions {
    std::string restore_point;
    std::string content;  // instead: a RestorePointContent
    std::string ns;       // of the restore point; "": default
    std::string into;     // "": where it came from
    FilterOptions filters;
    bool overwrites = false, is_data_only = false, makes_clones = false, skips_wait = false;
    std::string transforms;     // a file
    std::string point_in_time;  // RFC 3339
    std::string blueprints;     // stored or live; "": as the server does
    std::string profile;        // where artifacts are pulled from; "": as the backup pushed them
    bool detach = false;
    std::string output = "table";
};
struct PointOptions {
    std::string name;     // of a RestorePoint in ns
    std::string content;  // instead: a RestorePointContent
    std::string ns = "default";
};
struct ExportOptions {
    PointOptions point;
    std::string profile, expires_in;
    bool detach = false;
    std::string output = "table";
};
struct ImportOptions {
    std::string restore_point;
    std::string profile, application, trusted_key;
    bool is_list = false, is_latest = false;
    bool detach = false;
    std::string output = "table";
};
struct ValidateOptions {
    PointOptions point;
    int percent = 100;
    bool is_fail_fast = false, detach = false;
    bool is_restored = false, skips_rows = false;
    std::vector<std::string> assertions;  // queries that have to answer true
    FilterOptions filters;
    std::string output = "table";
};
struct RetryOptions {
    std::string id;
    bool resumes = false;
    std::string output = "table";
    bool detach = false;
};
struct WatchOptions {
    std::string id;  // "": every action
    std::string output = "table";
};
struct LogsOptions {
    std::string id, phase;
    bool follow = false;
};
struct CancelOptions {
    std::string id;
    std::string output = "table";
};
struct ObligationsOptions {
    bool all = false;
    std::string output = "table";
};
struct ExplainOptions {
    std::string object;
    std::string ns = "default";
    std::string output = "table";
};
struct RenderOptions {
    std::string blueprint;  // a file or a name; "": the one that is bound to the object
    std::string action;
    std::string object;  // KIND/NAME
    std::string ns = "default";
    std::string profile, from;
    std::vector<std::string> files;
    std::vector<std::string> options;  // key=value
    std::vector<std::string> outputs;  // phase.key=value
    Value case_outputs;                // {phase: {key: value}}; outputs come before them
    std::string params;                // a case file (case_file.h) that has what is not given here
    std::string phase;                 // one alone
    std::string diff;                  // another blueprint to compare with: a file or a name
    bool shows_secrets = false;
    std::string output = "table";
    // From a case file alone.
    List objects;     // manifests
    Value artifacts;  // the input's
    std::string time;
};
struct TestOptions {
    std::vector<std::string> files;  // case files, or folders of them
    bool updates = false;            // writes what is expected
};
struct SchemaOptions {
    std::string kind;  // "": all of them in one
};
struct LintOptions {
    std::vector<std::string> files;
    std::string output = "text";  // text, json or sarif
    bool fixes = false;
};
struct PolicySimulateOptions {
    std::string file;
    std::string from;  // RFC 3339; "": now
    int days = 365;
    std::string full = "100Gi", changed = "1Gi";  // of the first restore point, and of each further one
    std::string lock = "0s";
    std::string output = "table";
};
struct TokenOptions {
    std::string file;
    std::string name, role;
    std::vector<std::string> namespaces;  // none: every namespace
    bool is_certificate = false;
};
struct KubeconfigOptions {
    std::string ns = "default";
    std::string token_file;  // for a server that wants a token
};
struct GuardOptions {
    std::string output = "table";
};
struct ConfigCheckOptions {
    std::string file;
};
struct ConfigShowOptions {
    std::string output = "table";
};
// Where an archive is: of `wal` and `basebackup`.
struct ArchiveOptions {
    std::string location, region, endpoint, credentials_file, prefix;
    std::string profile_file;
};
struct WalOptions {
    ArchiveOptions place;
    std::string name, file;
    int prefetch = 7;  // segments beyond the one that is asked for
    std::string connection;
    std::string output = "table";
};
struct BaseBackupOptions {
    ArchiveOptions place;
    std::string name;
    std::string folder, recover_to = "latest", timeline = "latest", restore_command;
    std::string connection, label = "fencepost";
    bool with_wal = false, is_protected = false, ends_protection = false;
    int keep = 0;
    std::vector<std::string> protect;
    std::string output = "table";
};
struct VersionOptions {
    std::string output = "table";
};
struct CompletionOptions {
    std::string shell;
};

[[nodiscard]] int serve(const ServeFlags& flags, const World& world);
[[nodiscard]] int apply(Server& server, const ApplyOptions& options);
[[nodiscard]] int get(Server& server, const GetOptions& options);
[[nodiscard]] int describe(Server& server, const DescribeOptions& options);
[[nodiscard]] int remove(Server& server, const DeleteOptions& options);
[[nodiscard]] int run_action(Server& server, const RunOptions& options);
[[nodiscard]] int run_from_scratch(const RunOptions& options, const World& world);
[[nodiscard]] int backup(Server& server, const BackupOptions& options);
[[nodiscard]] int restore(Server& server, const RestoreOptions& options);
[[nodiscard]] int export_point(Server& server, const ExportOptions& options);
[[nodiscard]] int import_point(Server& server, const ImportOptions& options);
[[nodiscard]] int validate_point(Server& server, const ValidateOptions& options);
[[nodiscard]] int retry(Server& server, const RetryOptions& options);
[[nodiscard]] int watch(Server& server, const WatchOptions& options);
[[nodiscard]] int logs(Server& server, const LogsOptions& options);
[[nodiscard]] int cancel(Server& server, const CancelOptions& options);
[[nodiscard]] int obligations(Server& server, const ObligationsOptions& options);
[[nodiscard]] int guard(const ServeFlags& flags, const GuardOptions& options);
[[nodiscard]] int explain(Server& server, const ExplainOptions& options);
[[nodiscard]] int render(Server& server, const RenderOptions& options, const run::Catalog& catalog);
[[nodiscard]] int plan(Server& server, const RenderOptions& options, const run::Catalog& catalog);
[[nodiscard]] int test_cases(Server& server, const TestOptions& options, const run::Catalog& catalog);
[[nodiscard]] int schema(const SchemaOptions& options, const World& world);
[[nodiscard]] int simulate_policy(Server& server, const PolicySimulateOptions& options);
[[nodiscard]] int create_token(const TokenOptions& options);
[[nodiscard]] int list_tokens(const TokenOptions& options);
[[nodiscard]] int revoke_token(const TokenOptions& options);
[[nodiscard]] int lint(const LintOptions& options, const World& world);
[[nodiscard]] int kubeconfig(const ServerAddress& server, const KubeconfigOptions& options);
[[nodiscard]] int config_check(const ConfigCheckOptions& options);
[[nodiscard]] int config_show(const ServeFlags& flags, const ConfigShowOptions& options);
[[nodiscard]] int push_wal(const WalOptions& options, const World& world);
[[nodiscard]] int fetch_wal(const WalOptions& options, const World& world);
[[nodiscard]] int list_wal(const WalOptions& options, const World& world);
[[nodiscard]] int check_wal(const WalOptions& options, const World& world);
[[nodiscard]] int push_base(const BaseBackupOptions& options, const World& world);
[[nodiscard]] int list_bases(const BaseBackupOptions& options, const World& world);
[[nodiscard]] int fetch_base(const BaseBackupOptions& options, const World& world);
[[nodiscard]] int delete_bases(const BaseBackupOptions& options, const World& world);
[[nodiscard]] int protect_base(const BaseBackupOptions& options, const World& world);
[[nodiscard]] int templates();  // JSON lines on stdin, answers on stdout
[[nodiscard]] int version(const VersionOptions& options, const World& world);
[[nodiscard]] int completion(const CompletionOptions& options);

}  // namespace fencepost::cli
