// The REST action API (/v1), the Kubernetes-style paths of the cluster (/api, /apis), health and metrics, on
// one HTTP server, and on a Unix socket beside it where the options name one. Listens beyond loopback only
// with both TLS and authentication.
//
// Ownership: cluster, clock, log and what `run` refers to are borrowed and must outlive the Api. Errors:
// Error{kInvalid} for an address that is not loopback and not secured, or a certificate or token file that
// cannot be used; kFailedPrecondition for an address that is taken.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/auth/security.h"
#include "api/pod_listener.h"
#include "api/services.h"
#include "base/clock.h"
#include "base/log.h"
#include "cluster/cluster.h"

namespace fencepost::api {

struct ApiOptions {
    std::string host = "127.0.0.1";
    std::uint16_t port = 0;
    std::string controller_namespace = "default";
    std::string version;
    std::function<std::uint64_t()> store_bytes;  // for metrics; may be empty
    SecurityOptions security;
    std::optional<PodListenerOptions> pods;  // the embedded cluster's Pods get a port of their own
    // The objects at /api and /apis. Where an API server stands beside this one, its own rules hold for them:
    // to serve them here would lend every caller the rights of this process.
    bool serves_objects = true;
    // False: not before call_webhooks(). Of several servers of one cluster only one should call them.
    bool calls_webhooks = true;
    std::string image_map;  // for those who plan: what runs in place of blueprints' images (image_map.h)
};

class Api {
  public:
    virtual ~Api() = default;  // stops
    [[nodiscard]] virtual std::uint16_t port() const noexcept = 0;
    virtual void call_webhooks() = 0;
    virtual void stop() = 0;  // ends waiting requests with 503, waits for the others
};

[[nodiscard]] std::unique_ptr<Api> start_api(const ApiOptions& options, cluster::Cluster& cluster,
                                             RunAccess run, Clock& clock, Log& log);

// The same routes without a listener: who asks is this process, and the scheme and host of its URLs do not
// matter. A client's own deadline is not kept: cancel the request. The options' address, security and
// Pods are of no use here.
[[nodiscard]] std::unique_ptr<net::HttpClient> make_in_process_api(const ApiOptions& options,
                                                                   cluster::Cluster& cluster, RunAccess run,
                                                                   Clock& clock, Log& log);

}  // namespace fencepost::api
