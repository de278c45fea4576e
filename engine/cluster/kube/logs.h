// The log of a container from an API server. A stream that breaks is taken up where it was, so that a line
// comes once and none is missing. Errors: as Cluster::logs. Thread safety: any number of calls at once.
#pragma once

#include <functional>
#include <string_view>

#include "cluster/cluster.h"
#include "cluster/kube/api_client.h"

namespace fencepost::cluster::kube {

void read_logs(ApiClient& client, std::string_view ns, std::string_view pod, const LogOptions& options,
               const std::function<void(std::string_view)>& sink, const CancelToken& cancel);

}  // namespace fencepost::cluster::kube
