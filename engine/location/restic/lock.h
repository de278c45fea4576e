// restic's lock, non-exclusive: it says that the repository is in use, so that nobody prunes it meanwhile.
// Held from the constructor to the destructor and refreshed by a thread of its own.
//
// The protocol: look for exclusive locks, write one's own, and look again a moment later (confirm()). What
// was written before confirm() must not be relied on: a push commits nothing before it. A lock is stale after
// 30 minutes, or where its process on this host is gone; stale exclusive locks are passed over, and the
// non-exclusive ones that dead processes of this host left are removed. Errors: kFailedPrecondition, which
// names the holder. Thread safety: one thread.
#pragma once

#include <chrono>
#include <memory>

#include "base/cancel.h"
#include "base/clock.h"
#include "location/restic/files.h"

namespace fencepost::location::restic {

class RepositoryLock {
  public:
    // Waits up to `patience` for somebody's exclusive lock to go.
    RepositoryLock(const Files& files, Clock& clock, std::chrono::seconds patience,
                   const CancelToken& cancel);
    RepositoryLock(const RepositoryLock&) = delete;
    RepositoryLock& operator=(const RepositoryLock&) = delete;
    ~RepositoryLock();

    // Throws unless the lock is good: no exclusive one came up while it was made, and refreshing works.
    void confirm(const CancelToken& cancel);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fencepost::location::restic
