// The storage of the embedded cluster: binds PersistentVolumeClaims to folders, makes VolumeSnapshots (copies
// of those folders, reflinks where the file system can) and claims from them.
//
//     data_dir/volumes/<namespace>/<claim uid>/     a claim's folder
//     data_dir/snapshots/<handle>/                  a snapshot's; the handle is the uid of the content that
//     made it data_dir/volumes/.trash/<uid>/                on its way out: renamed first, so that nothing
//     half deleted is used
//
// A claim has the finalizer kubernetes.io/pvc-protection: its folder stays until no Pod uses it. A content
// with policy Delete takes its folder with it, one with Retain leaves it, and a content made by hand with
// that handle (source.snapshotHandle) brings it back, also after the namespace is gone.
//
// One thread looks, copies run beside it (a few at once). A copy appears under its final name only when it is
// whole and on disk. Destruction cancels copies; the next controller begins them again. Thread safety: none
// needed.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/cluster.h"
#include "cluster/local/local_cluster.h"

namespace fencepost::cluster::local {

class VolumeController {
  public:
    VolumeController(Cluster& objects, const LocalOptions& options, Clock& clock, Log& log);
    VolumeController(const VolumeController&) = delete;
    VolumeController& operator=(const VolumeController&) = delete;
    ~VolumeController();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fencepost::cluster::local
