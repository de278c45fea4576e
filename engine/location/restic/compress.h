// zstd, one shot each way, with limits. A context is kept between calls; one thread at a time. Errors:
// kDataLoss for what is no zstd frame or is longer than announced.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace fencepost::location::restic {

[[nodiscard]] std::size_t compressed_bound(std::size_t plain) noexcept;

class Compressor {
  public:
    Compressor();
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;
    ~Compressor();
    // Returns the compressed size, or 0 where `capacity` is too small for it.
    [[nodiscard]] std::size_t compress(std::string_view plain, char* out, std::size_t capacity);
    [[nodiscard]] std::string compress(std::string_view plain);

  private:
    ZSTD_CCtx_s* context_;
};

class Decompressor {
  public:
    Decompressor();
    Decompressor(const Decompressor&) = delete;
    Decompressor& operator=(const Decompressor&) = delete;
    ~Decompressor();
    // REQUIRES nothing of the input; what is not exactly `size` bytes long is kDataLoss.
    [[nodiscard]] std::string decompress_exactly(std::string_view compressed, std::size_t size);
    [[nodiscard]] std::string decompress_at_most(std::string_view compressed, std::size_t most);

  private:
    ZSTD_DCtx_s* context_;
};

}  // namespace fencepost::location::restic
