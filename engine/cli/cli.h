// The `fencepost` command line. Parses arguments and runs one verb; each verb has its own file, and its
// definition is in command_line.cpp. Verbs other than serve, lint, schema, config, completion and version are
// clients of a running server. Errors are printed here, once: what failed, where, and what to do next.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/auth/security.h"
#include "base/error.h"
#include "net/http_client.h"
#include "run/function.h"

namespace fencepost::cli {

enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2, kCancelled = 3, kUnreachable = 4 };

// What help, man pages and the reference say of them.
struct ExitCodeMeaning {
    int code;
    std::string_view meaning;
};
[[nodiscard]] std::span<const ExitCodeMeaning> exit_codes() noexcept;
[[nodiscard]] std::string exit_code_lines();  // "  0  done ...", a line each

// The command line itself is wrong: exit code 2.
class UsageError : public Error {
  public:
    explicit UsageError(std::string message, std::string hint = {})
        : Error(ErrorKind::kInvalid, std::move(message), std::move(hint)) {}
};

// What the settings come to (settings.h).
struct ServeOptions {
    std::string data_dir;
    bool uses_kubernetes = false;          // else the embedded cluster
    bool installs_crds = false;            // on Kubernetes, where they are missing
    std::string kubeconfig, kube_context;  // "" as kubectl chooses them; in a Pod its service account
    std::string host = "127.0.0.1";
    std::uint16_t port = 7420;
    std::string controller_namespace = "default";
    std::vector<std::string> watched_namespaces;  // on Kubernetes; none: as its rights allow
    int max_running = 0;                          // 0: the engine's own default
    run::JobPodDefaults job_pods;
    std::string log_level = "info";
    api::SecurityOptions security;
};

// What the composition root lends to the command line.
struct World {
    std::function<int(const ServeOptions&)> serve;
    std::function<std::unique_ptr<net::HttpClient>()> make_http_client;
    // A server within this process, on the cluster of the kubeconfig's current context, with the rights of
    // its user; for the Fencepost that works in namespace `ns`, "" is the context's.
    std::function<std::unique_ptr<net::HttpClient>(const std::string& ns)> make_kubernetes_client;
    const run::Catalog* catalog = nullptr;  // borrowed; for lint and render
    std::string version;
};

[[nodiscard]] int run(int argc, const char* const* argv, const World& world);

}  // namespace fencepost::cli
