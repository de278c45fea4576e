// The port on which Pods of the embedded cluster talk to its API: TLS on loopback, for those who hold the
// token that the Pods' files carry. It serves the Kubernetes-style paths and health, nothing else. Thread
// safety: as net::HttpServer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/log.h"
#include "net/http_server.h"

namespace fencepost::api {

struct PodListenerOptions {
    std::uint16_t port = 0;
    std::string token;
    std::string certificate_pem;
    std::string key_pem;
};

[[nodiscard]] std::unique_ptr<net::HttpServer> start_pod_listener(const PodListenerOptions& options,
                                                                  net::Handler handler, Log& log);

}  // namespace fencepost::api
