// The folder beside restore_command's target where segments wait that were fetched before they were asked
// for. A file there has its name once it is whole and on disk; what is still written is "tmp-..." . Any
// number of processes may use one spool at once, and die there. Bounded by who fills it; thread-safe.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "archive/wal_name.h"
#include "location/location.h"

namespace fencepost::archive {

class Spool {
  public:
    explicit Spool(const std::filesystem::path& target);  // of restore_command
    // Moves a waiting segment to the target. False where none waits, or it is not what it should be.
    [[nodiscard]] bool take(const WalName& name, std::optional<std::uint64_t> system) const;
    // The file appears, at the target or as one that waits, when `write` has returned and it is on disk.
    void write(const std::filesystem::path& to,
               const std::function<void(const location::Sink&)>& write) const;
    [[nodiscard]] std::filesystem::path waiting(const std::string& name) const { return folder_ / name; }
    // Removes what is not among these, and what writers left that died.
    void keep_only(const std::set<std::string>& names) const;

  private:
    std::filesystem::path target_, folder_;
};

// Segments that waited for a recovery which has ended; called with what the server archives then.
void remove_spool_after_recovery(const std::filesystem::path& wal_file);

}  // namespace fencepost::archive
