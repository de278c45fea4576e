// Checksums of bytes that come in pieces: SHA-256 (OpenSSL's) and CRC-32 (the zlib polynomial, as
// x-amz-checksum-crc32 has it). Thread safety: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace fencepost::location {

using Digest = std::array<unsigned char, 32>;

[[nodiscard]] std::string_view as_text(const Digest& digest) noexcept;  // its 32 bytes

class Sha256 {
  public:
    Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    ~Sha256();
    void update(std::string_view bytes);
    [[nodiscard]] Digest finish();  // then it starts afresh

  private:
    evp_md_ctx_st* context_;
};

class Crc32 {
  public:
    void update(std::string_view bytes) noexcept;
    // As if the bytes that `next` has seen, so many of them, had been seen here.
    void append(const Crc32& next, std::uint64_t bytes) noexcept;
    [[nodiscard]] std::uint32_t value() const noexcept { return ~state_; }
    [[nodiscard]] std::string base64() const;  // big-endian, as S3 writes it

  private:
    std::uint32_t state_ = 0xFFFFFFFFU;
};

}  // namespace fencepost::location
