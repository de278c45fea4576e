// A stream through zstd, in bounded memory: frames with zstd's own checksum of the content, which stock zstd
// writes and reads too. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "location/location.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace fencepost::archive {

// The compressed bytes of what `plain` gives. Copyable, as a Source has to be; copies share one stream.
[[nodiscard]] location::Source compressing(location::Source plain,
                                           std::optional<std::uint64_t> plain_bytes = std::nullopt);

// Give it what is compressed, and `plain` gets the content. kDataLoss for what is no zstd, damaged, or larger
// than `most`; call finish() at the end, which finds what is cut off.
class Decompression {
  public:
    Decompression(location::Sink plain, std::uint64_t most);
    Decompression(const Decompression&) = delete;
    Decompression& operator=(const Decompression&) = delete;
    ~Decompression();
    void feed(std::string_view compressed);
    void finish() const;

  private:
    location::Sink plain_;
    std::uint64_t left_;
    ZSTD_DCtx_s* context_;
    std::string buffer_;
    bool is_between_frames_ = false;
};

}  // namespace fencepost::archive
