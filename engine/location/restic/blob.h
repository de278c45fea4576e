// What packs and indexes are about: blobs, named by the SHA-256 of their content. Values.
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "location/checksum.h"

namespace fencepost::location::restic {

enum class BlobType : std::uint8_t { kData, kTree };

inline constexpr std::uint32_t kMaxBlobBytes = std::uint32_t{256}
                                               << 20U;  // restic's data blobs have 8 MiB at most

struct Blob {
    BlobType type = BlobType::kData;
    Digest id{};
    std::uint32_t offset = 0;      // in its pack
    std::uint32_t length = 0;      // sealed
    std::uint32_t raw_length = 0;  // of the content; 0: not compressed
    friend bool operator==(const Blob&, const Blob&) = default;
};

struct PackBlobs {
    Digest pack{};
    std::vector<Blob> blobs;
    friend bool operator==(const PackBlobs&, const PackBlobs&) = default;
};

struct DigestHash {
    std::size_t operator()(const Digest& digest) const noexcept {
        std::size_t hash = 0;  // a SHA-256 is as random as a hash can be
        std::memcpy(&hash, digest.data(), sizeof hash);
        return hash;
    }
};

[[nodiscard]] std::string to_hex(const Digest& digest);
// Throws kDataLoss unless it has 64 lower-case hexadecimal digits.
[[nodiscard]] Digest parse_id(std::string_view hex);
[[nodiscard]] bool is_id(std::string_view hex) noexcept;

}  // namespace fencepost::location::restic
