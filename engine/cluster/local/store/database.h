// The embedded cluster's SQLite file: one row an object, the body as JSON, and the last revision. WAL with
// synchronous=FULL, so that a commit is one fdatasync of the log. One daemon a folder: the lock file beside
// it is held with flock until destruction. Thread safety: one thread at a time. Errors: kFailedPrecondition
// where another process has the folder (names its pid), kExhausted for a full disk, kDataLoss for a file that
// is no database of ours.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "cluster/cluster.h"

struct sqlite3;
struct sqlite3_stmt;

namespace fencepost::cluster::local {

struct Row {
    ObjectKey key;
    std::uint64_t revision = 0;
    std::optional<Value> object;  // nullopt: the object is gone
};

class Database {
  public:
    explicit Database(const std::filesystem::path& folder);
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // Every object, and the last revision that was given out.
    std::uint64_t load(const std::function<void(Row row)>& each);
    // All rows in one durable transaction, or none.
    void commit(const std::vector<Row>& rows);

  private:
    void run(const char* sql);
    [[nodiscard]] Error failure(int code, const char* what) const;

    std::filesystem::path path_;
    UniqueFd lock_;
    struct Close {
        void operator()(sqlite3* handle) const noexcept;
        void operator()(sqlite3_stmt* statement) const noexcept;
    };
    using Statement = std::unique_ptr<sqlite3_stmt, Close>;
    [[nodiscard]] Statement prepare(const char* sql);
    std::unique_ptr<sqlite3, Close> handle_;
    Statement put_, erase_, set_erased_;
};

}  // namespace fencepost::cluster::local
