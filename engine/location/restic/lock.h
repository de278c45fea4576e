// restic's lock. A shared one says that the repository is in use, so that nobody prunes it meanwhile; an
// exclusive one that it is pruned. Held from the constructor to the destructor and refreshed by a thread of
// its own.
//
// The protocol: look for locks that forbid one's own, write that, and look again a moment later. An exclusive
// lock does all of it in the constructor; a shared one looks again in confirm(): what was read before it may
// be what a prune removes that saw no lock yet, and nothing must be built upon it. A lock is stale after 30
// minutes, or where its process on this host is gone; stale ones are passed over, and those of this host's
// dead processes removed. Errors: kFailedPrecondition, which names the holder. Thread safety: one thread.
#pragma once

#include <chrono>
#include <memory>

#include "base/cancel.h"
#include "base/clock.h"
#include "location/restic/files.h"

namespace fencepost::location::restic {

enum class LockMode { kShared, kExclusive };

class RepositoryLock {
  public:
    // Waits up to `patience` for the locks of others to go that forbid it.
    RepositoryLock(const Files& files, Clock& clock, LockMode mode, std::chrono::seconds patience,
                   const CancelToken& cancel);
    RepositoryLock(const RepositoryLock&) = delete;
    RepositoryLock& operator=(const RepositoryLock&) = delete;
    ~RepositoryLock();

    // Throws unless the lock is good: nobody's exclusive one came up while it was made, and it was refreshed
    // in time ever since. A lock that was not, as of a machine that slept, stays lost.
    void confirm(const CancelToken& cancel);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fencepost::location::restic
