// Base backups in an archive: made by pg_basebackup, kept as one compressed tar each with a record beside it.
//
// A backup is there once its record is: what a push left that died is swept by a later one. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "archive/store.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "value/value.h"

namespace fencepost::archive {

// WAL that is needed to make a base backup consistent: of one timeline.
struct WalRange {
    std::uint32_t timeline = 0;
    Lsn start = 0, stop = 0;
};

struct BaseRecord {
    std::string name;
    std::uint64_t system = 0;
    std::uint64_t segment_bytes = 0;
    std::vector<WalRange> ranges;  // more than one where a standby was promoted meanwhile; never none
    SystemTime started, finished;
    std::uint64_t bytes = 0, stored_bytes = 0;  // of the tar, and compressed
    std::string sha256;                         // of the tar, in hex
    bool has_wal = false;                       // the tar holds the WAL of the ranges itself
    std::string server_version, tool, fencepost_version;
    bool is_protected = false;  // not of the record: there is a mark beside it

    [[nodiscard]] Value to_value() const;                            // as it is stored
    [[nodiscard]] static BaseRecord from_value(const Value& value);  // kDataLoss
    [[nodiscard]] Value described() const;                           // for people: with the mark
    [[nodiscard]] std::uint64_t first_segment() const;               // that a restore of it needs
    [[nodiscard]] std::vector<std::string> segments() const;         // the names of the ranges'
};

// Oldest first.
[[nodiscard]] std::vector<BaseRecord> list_bases(const Store& store, const CancelToken& cancel);
// By its name; or "latest", which with `before` is the newest that was finished by then. kNotFound.
[[nodiscard]] BaseRecord find_base(const Store& store, const std::string& name,
                                   const std::optional<SystemTime>& before, const CancelToken& cancel);

struct BasePushOptions {
    std::string connection;  // libpq's, "" is what PGHOST and the others say
    std::string label = "fencepost";
    bool with_wal = false;  // else the WAL has to come into the same archive
    bool is_protected = false;
    std::string fencepost_version;
    int err = 2;  // for pg_basebackup's messages
    std::function<void(std::uint64_t bytes)> on_progress;
};
BaseRecord push_base(const Store& store, Clock& clock, const BasePushOptions& options,
                     const CancelToken& cancel);

// How a server that starts on a fetched base goes on from it.
struct Recovery {
    std::string restore_command;       // recovery.cpp quotes it
    std::optional<SystemTime> target;  // nullopt: to the end of the WAL
    std::string timeline = "latest";   // or current (the base's), or a number
};
// The command of these words, with PostgreSQL's %f and %p behind them.
[[nodiscard]] std::string restore_command_of(const std::vector<std::string>& words);
// What is added to postgresql.auto.conf for it.
[[nodiscard]] std::string recovery_settings(const Recovery& recovery);

// Into `folder`, which is empty or not there yet. It is a data folder that a server can start on once this
// has returned, and none before: pg_control comes last. Where it fails, the folder is empty again.
void fetch_base(const Store& store, const BaseRecord& base, const std::filesystem::path& folder,
                const std::optional<Recovery>& recovery,
                const std::function<void(std::uint64_t bytes)>& on_progress, const CancelToken& cancel);

// With the mark, no retention deletes it. kNotFound.
void protect_base(const Store& store, const std::string& name, bool is_protected, const CancelToken& cancel);

struct DeleteReport {
    std::vector<std::string> deleted;   // bases
    std::vector<std::string> retained;  // bases that the store holds back
    std::vector<std::string> kept;
    std::uint64_t wal_deleted = 0, wal_retained = 0;  // files
    [[nodiscard]] Value to_value() const;
};
// Keeps the newest so many and what is protected, or named; deletes the others, then the WAL that no base
// which is still there needs. Histories stay. Killed in between, the next call goes on.
DeleteReport keep_bases(const Store& store, Clock& clock, std::size_t keep,
                        const std::vector<std::string>& protect, const CancelToken& cancel);
// This one, and the WAL as above; one that is not there is deleted already. A protected one:
// kFailedPrecondition.
DeleteReport delete_base(const Store& store, Clock& clock, const std::string& name,
                         const CancelToken& cancel);

// Tars without a record from pushes that died. Called by push and delete.
void sweep_bases(const Store& store, Clock& clock, const CancelToken& cancel);

}  // namespace fencepost::archive
