// What runs Pods for the embedded cluster. The object store (store/) knows nothing of processes; the runtime
// (pods/) knows objects only through Cluster. local_cluster.cpp joins the two.
//
// Division of labour: the store marks a deleted Pod with deletionTimestamp and deletionGracePeriodSeconds
// (grace 0 removes it at once); the runtime sees that, ends the processes, and removes the object with grace
// 0. The runtime writes pod.status (phase, conditions, containerStatuses, podIP 127.0.0.1) through the status
// subresource. Thread safety: all members may be called from any thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/log.h"
#include "cluster/cluster.h"

namespace fencepost::cluster::local {

class PodBackend {
  public:
    virtual ~PodBackend() = default;
    virtual ExecResult exec(const Value& pod, const ExecOptions& options, const CancelToken& cancel) = 0;
    virtual void post_guard(const Value& pod, const Guard& guard) = 0;
    virtual void relieve_guard(std::string_view id, const std::function<void()>& undo,
                               const CancelToken& cancel) = 0;
    virtual void logs(const Value& pod, const LogOptions& options,
                      const std::function<void(std::string_view)>& sink, const CancelToken& cancel) = 0;
};

}  // namespace fencepost::cluster::local
