// The `fencepost` command line. Parses arguments and runs one verb; each verb has its own file. Verbs other
// than serve, lint and version are clients of a running server.
//
// Exit codes: 0 done (run: complete), 1 failed, 2 usage, 3 cancelled, 4 the server cannot be reached.
// Errors are printed here, once: what failed, where, and what to do next.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "api/auth/security.h"
#include "base/error.h"
#include "model/validate.h"
#include "net/http_client.h"

namespace fencepost::cli {

enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2, kCancelled = 3, kUnreachable = 4 };

// The command line itself is wrong: exit code 2.
class UsageError : public Error {
  public:
    explicit UsageError(std::string message, std::string hint = {})
        : Error(ErrorKind::kInvalid, std::move(message), std::move(hint)) {}
};

struct ServeOptions {
    std::string data_dir;
    std::string host = "127.0.0.1";
    std::uint16_t port = 7420;
    std::string controller_namespace = "default";
    int max_running = 0;  // 0: the engine's own default
    std::string log_level = "info";
    api::SecurityOptions security;
};

// What the composition root lends to the command line.
struct World {
    std::function<int(const ServeOptions&)> serve;
    std::function<std::unique_ptr<net::HttpClient>()> make_http_client;
    std::span<const model::FunctionSpec> functions;  // for lint
    std::string version;
};

[[nodiscard]] int run(int argc, const char* const* argv, const World& world);

}  // namespace fencepost::cli
