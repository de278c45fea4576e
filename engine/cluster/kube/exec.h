// Cluster::exec through an API server: a WebSocket with the subprotocol v5.channel.k8s.io, or v4. Only v5 can
// say that stdin ends, so a command that has a stdin is not begun where the server speaks v4 alone
// (Error{kUnsupported}; Kubernetes speaks v5 since 1.30).
//
// An API server has no way to end a command: at the deadline and with cancellation its connection is closed,
// and it sees its stdin end and its outputs broken. Nor does it always tell the end of a command that leaves
// much of its stdin unread (kubectl waits for ever, too): where that can be, give a deadline.
//
// Errors: what the server refuses has its words and kind (see api_client.h); kUnavailable where the
// connection was lost before the command's end was told. Thread safety: may be called from any number of
// threads at once.
#pragma once

#include <string_view>

#include "base/cancel.h"
#include "cluster/cluster.h"
#include "cluster/kube/api_client.h"
#include "net/websocket_client.h"

namespace fencepost::cluster::kube {

// Where no container is named, it is the one of the Pod's annotation kubectl.kubernetes.io/default-container,
// else its first one, as with kubectl.
[[nodiscard]] ExecResult exec(ApiClient& client, net::WebSocketClient& sockets, std::string_view ns,
                              std::string_view pod, const ExecOptions& options, const CancelToken& cancel);

}  // namespace fencepost::cluster::kube
