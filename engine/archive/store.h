// The archive of one PostgreSQL cluster in a location: its WAL and its base backups, below a prefix.
//
//     system.json                    whose archive it is: written with the first WAL or base backup
//     wal/00000001/<name>.zst        what archive_command was given, by timeline, compressed by zstd
//     base/<name>/base.tar.zst       a base backup's data folder, as pg_basebackup writes it
//     base/<name>/backup.json        what it is; written last: without it there is no such backup
//     base/<name>/keep               it is protected: retention leaves it alone
//
// Nothing is ever overwritten. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "archive/wal_name.h"
#include "base/cancel.h"
#include "location/location.h"

namespace fencepost::archive {

struct Identity {
    std::uint64_t system = 0;  // pg_control's system identifier
    std::uint64_t segment_bytes = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
};

// kUnsupported for a profile with a repository key: whoever sets one expects that everything is encrypted.
void check_plain(const location::ResolvedProfile& profile);

class Store {
  public:
    // The location is borrowed.
    Store(location::Location& location, std::string_view prefix);

    [[nodiscard]] location::Location& location() const noexcept { return location_; }
    [[nodiscard]] std::string description() const;
    [[nodiscard]] std::string key(std::string_view path) const;  // of a path as above
    [[nodiscard]] std::string path(std::string_view key) const;  // the other way round
    [[nodiscard]] std::string wal_key(const WalName& name) const;

    // nullopt: nothing was ever archived here.
    [[nodiscard]] std::optional<Identity> identity(const CancelToken& cancel) const;
    [[nodiscard]] Identity existing_identity(const CancelToken& cancel) const;  // kNotFound instead
    // The archive is this cluster's from now on. kFailedPrecondition where it is another one's.
    void claim(const Identity& identity, const CancelToken& cancel) const;
    void check_system(const Identity& known, std::uint64_t system) const;

    // False where there is such an object already, which stays as it is. `source` is asked for each attempt.
    [[nodiscard]] bool put_new(const std::string& key, const std::function<location::Source()>& source,
                               const CancelToken& cancel) const;
    [[nodiscard]] bool put_new(const std::string& key, std::string_view bytes,
                               const CancelToken& cancel) const;

    // False where the store holds the object back: an object lock, or a key that may not delete.
    [[nodiscard]] bool remove(const std::string& key, const CancelToken& cancel) const;

  private:
    location::Location& location_;
    std::string prefix_;
};

}  // namespace fencepost::archive
