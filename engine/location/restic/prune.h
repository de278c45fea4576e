// Removes from a repository what no snapshot needs: blobs that none refers to, and what interrupted backups
// left.
//
// A death at any instant leaves every snapshot whole. First everything is read, and nothing is touched where
// a snapshot, an index or a needed blob cannot be. Then, in this order: needed blobs of packs that are mostly
// waste go into new packs, verified on the way, and their index is written; indexes without the packs that go
// are written; the old indexes are removed; the packs are. What a death leaves is waste that the next one
// removes.
#pragma once

#include <cstdint>

#include "base/cancel.h"
#include "location/restic/files.h"
#include "location/restic/lock.h"

namespace fencepost::location::restic {

struct Pruned {
    std::uint64_t freed_bytes = 0;  // of packs; indexes are not counted
    std::size_t removed_packs = 0;
    std::size_t rewritten_packs = 0;
};

// REQUIRES: the lock is exclusive, and the repository's. Errors: kDataLoss, or kNotFound for a pack, where
// something that a snapshot needs is not there or does not verify.
Pruned prune(const Files& files, RepositoryLock& lock, const CancelToken& cancel);

}  // namespace fencepost::location::restic
