// A restic repository, format version 2, over a Location: read and written natively. Stock restic reads what
// this writes and the other way round (doc/design.rst of restic describes the format: config, keys/, locks/,
// data/xx/, index/, snapshots/; content-defined chunks, SHA-256 ids, zstd, AES-256-CTR + Poly1305).
//
// A push streams: chunk, hash, look up, compress, encrypt, pack, upload; data and index go first, the
// snapshot file last, so that a push that dies leaves no snapshot. Memory is bounded: a few packs plus the
// index. Locks are restic's: every operation holds a shared lock and refreshes it, a prune an exclusive one;
// where somebody's forbids it, it waits as long as it was told to (Error kFailedPrecondition names the
// holder). Errors: kForbidden for a wrong password, kDataLoss for anything that does not verify, kNotFound.
// Thread safety: one Repository is used by one thread at a time; several Repositories, hosts and processes
// may push to the same location at once.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "location/location.h"

namespace fencepost::location {

// A prune locks everybody else out, and is over before long: so long all that reads or writes waits for it.
inline constexpr std::chrono::seconds kWaitForPrune{60};

struct PushStats {
    std::string snapshot_id;  // 64 hex digits
    std::uint64_t logical_bytes = 0;
    std::uint64_t stored_bytes = 0;  // what this push added to the location
    std::uint64_t chunks = 0;
    std::uint64_t new_chunks = 0;
};

struct PushOptions {
    std::string path = "/stdin";  // the file's path inside the snapshot
    std::string host;
    std::vector<std::string> tags;
    std::chrono::seconds wait_for_lock = kWaitForPrune;  // for somebody's exclusive lock to go
    std::function<void(std::uint64_t logical_bytes, std::uint64_t stored_bytes)> on_progress;
};

struct FolderBackupOptions {
    std::string path;  // of the folder or file, absolute
    std::string host;
    std::vector<std::string> tags;
    std::chrono::seconds wait_for_lock = kWaitForPrune;
    std::function<void(std::uint64_t bytes)> on_progress;
};

struct FolderBackupStats {
    std::string snapshot_id;
    std::uint64_t files = 0;
    std::uint64_t folders = 0;
    std::uint64_t unchanged_files = 0;
    std::uint64_t logical_bytes = 0;
    std::uint64_t stored_bytes = 0;
};

struct FolderRestoreOptions {
    std::string inner;   // what of the snapshot, "" is everything
    std::string target;  // the folder that it goes into, absolute
    std::function<void(std::uint64_t bytes)> on_progress;
    std::function<void(const std::string& what)> on_warning;  // of what this user cannot set
};

struct SnapshotSize {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
};

struct SnapshotRecord {
    std::string id;
    SystemTime time;
    std::string host;
    std::vector<std::string> paths;
    std::vector<std::string> tags;
};

struct PruneStats {
    std::uint64_t freed_bytes = 0;
    std::uint64_t removed_packs = 0;
    std::uint64_t rewritten_packs = 0;  // of the removed ones, those that had something still needed
};

class Repository {
  public:
    // Opens; where there is none, makes one if `create` (two that do so at once end with one usable
    // repository).
    [[nodiscard]] static std::unique_ptr<Repository> open(Location& location, Clock& clock,
                                                          const Secret& password, bool create,
                                                          const CancelToken& cancel);
    virtual ~Repository() = default;
    virtual PushStats push(const Source& source, const PushOptions& options, const CancelToken& cancel) = 0;
    // `id` may be a unique prefix. `path` tells which file where the snapshot has several.
    virtual std::uint64_t pull(std::string_view id, std::string_view path, const Sink& sink,
                               const CancelToken& cancel) = 0;
    // A folder tree, or a file, as restic's `backup` stores it; the id is a snapshot as any other. The last
    // snapshot of the same host and path spares reading what did not change.
    virtual FolderBackupStats backup_folder(const FolderBackupOptions& options,
                                            const CancelToken& cancel) = 0;
    // Returns how much was written; `id` as for pull().
    virtual SnapshotSize restore_folder(std::string_view id, const FolderRestoreOptions& options,
                                        const CancelToken& cancel) = 0;
    // What restore_folder() would write. A file with several names counts once.
    [[nodiscard]] virtual SnapshotSize size_of(std::string_view id, const CancelToken& cancel) = 0;
    [[nodiscard]] virtual std::vector<SnapshotRecord> snapshots(const CancelToken& cancel) = 0;
    // Removes the snapshot file; data stays for prune.
    virtual Removal forget(std::string_view id, const CancelToken& cancel) = 0;
    // Removes what no snapshot needs; a twentieth of the repository may stay waste. Nobody backs up
    // meanwhile. Dying at any instant loses nothing. kDataLoss or kNotFound, with nothing removed, where
    // something that a snapshot needs is gone.
    virtual PruneStats prune(std::chrono::seconds wait_for_lock, const CancelToken& cancel) = 0;
};

}  // namespace fencepost::location
