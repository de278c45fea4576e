// What is served, whoever asks and by whatever way: the routes with what they need. For api.cpp and
// in_process.cpp. Thread safety: answer() from any thread.
#pragma once

#include <functional>
#include <string>

#include "api/api.h"
#include "api/auth/access.h"
#include "api/metrics.h"
#include "api/router.h"
#include "api/services.h"
#include "net/http_server.h"

namespace fencepost::api {

class Site {
  public:
    Site(const ApiOptions& options, cluster::Cluster& cluster, RunAccess run, Clock& clock, Log& log,
         bool has_authentication);
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    [[nodiscard]] Services& services() noexcept { return services_; }
    // `enter` says who asks; it may throw Problem.
    [[nodiscard]] net::ServerResponse answer(const net::ServerRequest& request,
                                             const std::function<Access()>& enter);

  private:
    void add_service_routes();
    [[nodiscard]] Value index() const;
    [[nodiscard]] Router::Answer dispatch(const net::ServerRequest& request,
                                          const std::function<Access()>& enter);

    const RunAccess run_;
    Services services_;
    const std::string version_;
    const bool is_embedded_;
    const std::string image_map_;
    Metrics metrics_;
    Router router_;
};

}  // namespace fencepost::api
