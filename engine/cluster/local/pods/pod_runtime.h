// Runs the Pods of the embedded cluster on this host: watches them, gives each a PodWorker, and wakes it when
// its object, a process, a timer or a probe has news. A few threads serve any number of Pods. Claims and
// snapshots have their own controller (volume_controller.h), which it starts too.
//
// Ownership: `objects`, clock and log outlive it. Destruction leaves the processes running.
// Thread safety: as PodBackend.
#pragma once

#include <memory>

#include "cluster/local/local_cluster.h"
#include "cluster/local/pod_backend.h"

namespace fencepost::cluster::local {

[[nodiscard]] std::unique_ptr<PodBackend> make_pod_runtime(Cluster& objects, const LocalOptions& options,
                                                           Clock& clock, Log& log);

}  // namespace fencepost::cluster::local
