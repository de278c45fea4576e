// The archive that the flags of `wal` and `basebackup` name, opened; and those flags again, as the words of a
// restore_command that finds the same archive. Used by one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "archive/store.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "location/location.h"

namespace fencepost::cli {

class ArchivePlace {
  public:
    ArchivePlace(const ArchiveOptions& options, const World& world);
    [[nodiscard]] const archive::Store& store() const noexcept { return *store_; }
    [[nodiscard]] Clock& clock() noexcept { return clock_; }

  private:
    SystemClock clock_;
    std::unique_ptr<net::HttpClient> http_;  // of S3 alone
    std::unique_ptr<location::Location> location_;
    std::unique_ptr<archive::Store> store_;
};

[[nodiscard]] std::string restore_command(const ArchiveOptions& options);

}  // namespace fencepost::cli
