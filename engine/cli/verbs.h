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

namespace fencepost::cli {

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
    std::string output = "table";  // table, wide, json, yaml, name
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
    std::string output = "text";       // text, json
    bool detach = false;
};
struct LogsOptions {
    std::string id, phase;
    bool follow = false;
};
struct CancelOptions {
    std::string id;
};
struct ObligationsOptions {
    bool all = false;
    std::string output = "table";
};
struct ExplainOptions {
    std::string object;
    std::string ns = "default";
    std::string output = "text";
};
struct LintOptions {
    std::vector<std::string> files;
};
struct TokenOptions {
    std::string file;
    std::string name, role;
    std::vector<std::string> namespaces;  // none: every namespace
    bool is_certificate = false;
};

[[nodiscard]] int apply(Server& server, const ApplyOptions& options);
[[nodiscard]] int get(Server& server, const GetOptions& options);
[[nodiscard]] int remove(Server& server, const DeleteOptions& options);
[[nodiscard]] int run_action(Server& server, const RunOptions& options);
[[nodiscard]] int logs(Server& server, const LogsOptions& options);
[[nodiscard]] int cancel(Server& server, const CancelOptions& options);
[[nodiscard]] int obligations(Server& server, const ObligationsOptions& options);
[[nodiscard]] int explain(Server& server, const ExplainOptions& options);
[[nodiscard]] int create_token(const TokenOptions& options);
[[nodiscard]] int list_tokens(const TokenOptions& options);
[[nodiscard]] int revoke_token(const TokenOptions& options);
[[nodiscard]] int lint(const LintOptions& options, std::span<const model::FunctionSpec> functions);

}  // namespace fencepost::cli
