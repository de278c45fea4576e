// The gate: one place in front of every route, the REST API's and the Kubernetes-style paths' alike. It says
// who sends a request (401), whether that one may do such things at all (403), and whether too often (429).
// What needs an object to decide, namely in whose namespace an action is, is decided where that is loaded
// (action_lookup.h).
//
// Over the Unix socket root and the daemon's own user are admins. Elsewhere, with a token file, a bearer
// token or a verified client certificate tells who it is; without one whoever reaches the address is an
// admin, and the address is a loopback one. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "api/auth/access.h"
#include "api/auth/identities.h"
#include "api/auth/rate_limit.h"
#include "api/auth/security.h"
#include "base/clock.h"
#include "base/log.h"
#include "cluster/cluster.h"
#include "net/http_server.h"

namespace fencepost::api {

class Gate {
  public:
    Gate(const SecurityOptions& options, cluster::Cluster& cluster, Clock& clock, Log& log);
    // Throws Problem.
    [[nodiscard]] Access enter(const net::ServerRequest& request);
    [[nodiscard]] bool has_authentication() const noexcept { return identities_ != nullptr; }

  private:
    [[nodiscard]] Access identify(const net::ServerRequest& request);
    void check_role(const Access& access, const net::ServerRequest& request) const;

    cluster::Cluster& cluster_;
    std::unique_ptr<Identities> identities_;
    RateLimit rate_limit_;
};

// Below /api, /apis and /openapi/v...: errors there are Kubernetes' Status objects.
[[nodiscard]] bool is_kubernetes_path(std::string_view path) noexcept;

}  // namespace fencepost::api
