// A pack file: sealed blobs one after the other, then a sealed header that lists them, then the header's
// length as four bytes, little-endian. Packs hold blobs of one type. Pure. Errors: kDataLoss.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "location/restic/blob.h"

namespace fencepost::location::restic {

// Large enough for few requests, small enough that three of them (one filling, two on their way) fit in a
// push's memory.
inline constexpr std::size_t kPackBytes = std::size_t{8} << 20U;
inline constexpr std::size_t kMaxHeaderBytes = std::size_t{16} << 20U;
inline constexpr std::size_t kHeaderLengthBytes = 4;
inline constexpr std::size_t kMaxHeaderEntry = 41;  // a compressed blob's

// The header's plain text, and back. `blobs` must be in the order of their offsets, from 0 on, without gaps.
[[nodiscard]] std::string encode_header(const std::vector<Blob>& blobs);
[[nodiscard]] std::vector<Blob> parse_header(std::string_view plain);

[[nodiscard]] std::string encode_length(std::size_t length);
// The sealed header's length, from the last four bytes of a pack.
[[nodiscard]] std::size_t parse_length(std::string_view last_four, std::uint64_t pack_size);

}  // namespace fencepost::location::restic
