// WAL into an archive and out of it: what archive_command and restore_command call. Either may be killed at
// any instant and called again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "archive/store.h"
#include "base/cancel.h"
#include "base/clock.h"

namespace fencepost::archive {

enum class Pushed { kStored, kWasThere };

// Stores the file under its name. The same again is fine; another content under a name that is there is
// kAlreadyExists. kDataLoss for a segment that is not what its name says; kFailedPrecondition for the archive
// of another cluster.
Pushed push_wal(const Store& store, const std::filesystem::path& file, const CancelToken& cancel);

struct FetchOptions {
    int segments = 8;  // at most so many in one call: the one that is asked for, and those behind it
    int at_once = 4;
};

// The file, whole and synced to disk, at `target`; false where the archive has none of that name. Of segments
// it brings the next ones too, into a folder beside the target, where the next calls find them.
[[nodiscard]] bool fetch_wal(const Store& store, const std::string& name, const std::filesystem::path& target,
                             const FetchOptions& options, const CancelToken& cancel);

// What a failing restore_command ends with: PostgreSQL takes codes up to 125 for "there is no such file", so
// that recovery would end there, and stops at greater ones. A standby asks again either way, and shall.
inline constexpr int kExitAbsent = 1;
inline constexpr int kExitStopsRecovery = 200;
// nullopt where the words of the command line are no `wal fetch`.
[[nodiscard]] std::optional<int> fetch_failure_code(std::span<const std::string> words);

// The WAL of a timeline that is in the archive.
struct TimelineWal {
    std::uint32_t timeline = 0;
    std::uint64_t first = 0, last = 0;  // segments by number; REQUIRES segments > 0
    std::uint64_t segments = 0;
    std::uint64_t stored_bytes = 0;
    struct Gap {
        std::uint64_t first = 0, last = 0;
    };
    std::vector<Gap> gaps;
};
struct WalListing {
    std::optional<Identity> identity;  // nullopt: there is no archive
    std::vector<TimelineWal> timelines;
};
[[nodiscard]] WalListing list_wal(const Store& store, const CancelToken& cancel);

// Every name in the archive, in key order.
void for_each_wal(const Store& store,
                  const std::function<void(const WalName&, std::uint64_t stored_bytes)>& visit,
                  const CancelToken& cancel);

}  // namespace fencepost::archive
