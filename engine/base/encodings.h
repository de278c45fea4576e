// Text encodings, hashes, identifiers and times that many layers need. All functions are pure but for
// random_*. Decoders throw Error{kInvalid}. Thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace fencepost {

[[nodiscard]] std::string base64_encode(std::string_view bytes);
[[nodiscard]] std::string base64_decode(
    std::string_view text);  // standard alphabet, padding required, newlines ignored
[[nodiscard]] std::string hex_encode(std::string_view bytes);
[[nodiscard]] std::string hex_decode(std::string_view text);
// RFC 3986: everything but unreserved characters is %XX; '/' is kept where keep_slash.
[[nodiscard]] std::string url_encode(std::string_view text, bool keep_slash = false);
[[nodiscard]] std::string url_decode(std::string_view text);

[[nodiscard]] std::array<unsigned char, 32> sha256(std::string_view bytes);
[[nodiscard]] std::string sha256_hex(std::string_view bytes);
[[nodiscard]] std::array<unsigned char, 32> hmac_sha256(std::string_view key, std::string_view bytes);

[[nodiscard]] std::string random_bytes(std::size_t count);  // from the kernel; for keys
[[nodiscard]] std::string random_uuid();                    // version 4
// Kubernetes' alphabet for generated names (no vowels, no 0 1 3): "bcdfghjklmnpqrstvwxz2456789".
[[nodiscard]] std::string random_name_suffix(std::size_t count = 5);

// "2026-11-21T05:12:30Z"; with nanoseconds as Go's RFC3339Nano (trailing zeros dropped).
[[nodiscard]] std::string format_rfc3339(SystemTime time);
[[nodiscard]] std::string format_rfc3339_nano(SystemTime time);
[[nodiscard]] SystemTime parse_rfc3339(std::string_view text);

// Go's time.Duration text: "300ms", "1h15m30.918s", "0s".
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds duration);
[[nodiscard]] std::chrono::nanoseconds parse_duration(std::string_view text);

// Kubernetes quantities ("1Gi", "500M", "1.5k") as bytes.
[[nodiscard]] std::int64_t parse_quantity(std::string_view text);

}  // namespace fencepost
