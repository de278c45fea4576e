// A multipart upload with bounded memory: at most kPartsInFlight parts are on their way while the next one is
// filled. Parts begin at kPartBytes and grow slowly with the object, so that 10,000 parts reach S3's largest
// object. Nothing appears under the key before complete(); an upload that is not completed is aborted in the
// destructor. One thread uses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "location/location.h"
#include "location/s3_client.h"

namespace fencepost::location {

inline constexpr std::size_t kPartBytes = std::size_t{8} << 20U;
inline constexpr int kPartsInFlight = 2;
inline constexpr int kMaxParts = 10'000;

struct PartBuffer {
    std::unique_ptr<char[]> bytes;
    std::size_t capacity = 0;
    std::size_t size = 0;
    [[nodiscard]] std::string_view view() const noexcept { return {bytes.get(), size}; }
};

[[nodiscard]] std::size_t part_bytes(int part_number) noexcept;  // numbers begin at 1

class MultipartUpload {
  public:
    // `headers` are the object's: its lock.
    MultipartUpload(const S3Client& client, std::string key, net::Headers headers, const CancelToken& cancel);
    MultipartUpload(const MultipartUpload&) = delete;
    MultipartUpload& operator=(const MultipartUpload&) = delete;
    ~MultipartUpload();

    // Waits for room, then sends it in the background. An earlier part's failure is thrown here.
    void add(PartBuffer part);
    // A used buffer of at least that capacity, or a new one.
    [[nodiscard]] PartBuffer buffer(std::size_t capacity);
    [[nodiscard]] ObjectStat complete(bool only_if_absent);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fencepost::location
