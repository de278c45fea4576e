// Where each blob is: the union of a repository's index files, held sorted in one array (52 bytes a blob).
// The files are JSON of up to some MiB; they are read by a scanner of our own that makes no tree of them.
// Loading is one thread's; after sort(), any number of threads may look up. Errors: kDataLoss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "location/restic/blob.h"

namespace fencepost::location::restic {

// restic's own bound: an index file is closed at 50,000 blobs.
inline constexpr std::size_t kMaxIndexBlobs = 50'000;

// Calls `visit` for each pack of an index file.
void parse_index(std::string_view json, const std::function<void(const PackBlobs&)>& visit);
[[nodiscard]] std::string encode_index(const std::vector<PackBlobs>& packs);

class Index {
  public:
    struct Place {
        Digest pack;
        std::uint32_t offset = 0;
        std::uint32_t length = 0;
        std::uint32_t raw_length = 0;
    };

    void add(const PackBlobs& pack);
    void sort();

    // REQUIRES: sorted.
    [[nodiscard]] std::optional<Place> find(BlobType type, const Digest& id) const noexcept;
    [[nodiscard]] bool has_pack(const Digest& pack) const noexcept;
    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

  private:
    struct Entry {
        Digest id;
        std::uint32_t pack;
        std::uint32_t offset;
        std::uint32_t length;
        std::uint32_t raw_length;
        BlobType type;
    };
    std::vector<Digest> packs_;
    std::vector<Digest> sorted_packs_;
    std::vector<Entry> entries_;
};

}  // namespace fencepost::location::restic
