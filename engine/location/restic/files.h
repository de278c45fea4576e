// A repository's files over a Location: config, keys/, locks/, data/xx/, index/, snapshots/. A file's name is
// the SHA-256 of its bytes; reading compares. But for keys and packs a file is one sealed document,
// compressed where it is not the config. Thread-safe: each call makes its own cipher. Errors: kNotFound,
// kDataLoss, and the Location's.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "location/location.h"
#include "location/restic/blob.h"
#include "location/restic/crypto.h"

namespace fencepost::location::restic {

inline constexpr std::size_t kMaxDocumentBytes = std::size_t{256} << 20U;  // decompressed
inline constexpr std::string_view kConfigKey = "config";
inline constexpr std::string_view kKeys = "keys/";
inline constexpr std::string_view kLocks = "locks/";
inline constexpr std::string_view kIndexes = "index/";
inline constexpr std::string_view kSnapshots = "snapshots/";
inline constexpr std::string_view kData = "data/";

[[nodiscard]] std::string pack_key(const Digest& pack);  // "data/ab/ab..."

class Files {
  public:
    Files(Location& location, const MasterKey& key) : location_(location), key_(key) {}

    // The document's JSON.
    [[nodiscard]] std::string load(std::string_view folder, const Digest& id,
                                   const CancelToken& cancel) const;
    struct Saved {
        Digest id;
        std::uint64_t bytes = 0;
    };
    Saved save(std::string_view folder, std::string_view json, const CancelToken& cancel) const;
    Removal remove(std::string_view folder, const Digest& id, const CancelToken& cancel) const;
    // Names that are no ids are none of restic's files and are left out.
    [[nodiscard]] std::vector<Digest> list(std::string_view folder, const CancelToken& cancel) const;
    // Loads all of a folder with a few at once; `visit` is called one at a time. A file that goes away
    // meanwhile is left out.
    void load_all(std::string_view folder, const CancelToken& cancel,
                  const std::function<void(const Digest& id, const std::string& json)>& visit) const;

    [[nodiscard]] Location& location() const noexcept { return location_; }
    [[nodiscard]] const MasterKey& key() const noexcept { return key_; }

  private:
    Location& location_;
    MasterKey key_;
};

[[nodiscard]] std::string seal_document(const MasterKey& key, std::string_view json);
[[nodiscard]] std::string open_document(const MasterKey& key, std::string_view sealed);

}  // namespace fencepost::location::restic
