// What stands between an archive and a restore: base backups whose WAL is not there, gaps behind them, and
// what the server's own pg_stat_archiver tells.
#pragma once

#include <string>
#include <vector>

#include "archive/base.h"
#include "archive/wal.h"
#include "value/value.h"

namespace fencepost::archive {

// What is wrong, a sentence each; none where every base can be restored and taken to the end of its WAL.
// Pure.
[[nodiscard]] std::vector<std::string> problems_of(const WalListing& wal,
                                                   const std::vector<BaseRecord>& bases);

// Of the server: archived_count, last_archived_wal and the others, times as text. kFailedPrecondition where
// psql cannot ask it.
[[nodiscard]] Value ask_archiver(const std::string& connection);
[[nodiscard]] std::vector<std::string> problems_of(const WalListing& wal, const Value& archiver);

}  // namespace fencepost::archive
