// The cluster that is a real one: an API server somewhere.
//
//     auto cluster = open_kube_cluster(kube::in_cluster(), *http, clock, {.patience = 2min, .stop = token});
//
// Guards (see cluster.h) do nothing here: what undoes a fence when every replica is gone is the next replica.
// Differences from the embedded cluster that callers can see are listed in tests/COMPATIBILITY.md. Thread
// safety: as Cluster.
#pragma once

#include <memory>

#include "base/log.h"
#include "cluster/cluster.h"
#include "cluster/kube/api_client.h"

namespace fencepost::cluster::kube {

// All that is passed by reference outlives the cluster.
[[nodiscard]] std::unique_ptr<Cluster> open_kube_cluster(Connection connection, net::HttpClient& http,
                                                         Clock& clock, ClientOptions options);

}  // namespace fencepost::cluster::kube
