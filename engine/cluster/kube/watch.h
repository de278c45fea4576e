// A watch of an API server, which ends every connection after some minutes: it is taken up again where it
// was, until the server no longer knows that place (Error{kGone}, as cluster.h says). Each connection is read
// by a thread of its own; at most kMaxQueued events wait for next().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "cluster/kube/api_client.h"

namespace fencepost::cluster::kube {

inline constexpr std::size_t kMaxQueued = 1'000;

// A collection that is watched: in one namespace, or ("") in all.
struct WatchedPlace {
    std::string ns;
    std::string resource_version;  // where the connection begins
};

// `present`: events that come first. With several places there are no bookmarks: none says where all of them
// are. The client outlives the watch.
[[nodiscard]] std::unique_ptr<Watch> open_watch(ApiClient& client, const ResourceType& type,
                                                const WatchOptions& options, std::vector<WatchEvent> present,
                                                const std::vector<WatchedPlace>& places);

}  // namespace fencepost::cluster::kube
