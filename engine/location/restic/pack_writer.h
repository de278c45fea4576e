// Fills packs with sealed blobs and uploads them in the background, at most kUploadsInFlight at once; keeps
// what the index needs to know. Thread-safe: add() may be called from several threads. Errors of an upload
// come out of the next add() or of finish().
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "location/restic/blob.h"
#include "location/restic/files.h"

namespace fencepost::location::restic {

inline constexpr int kUploadsInFlight = 2;

class PackWriter {
  public:
    PackWriter(const Files& files, const CancelToken& cancel);
    PackWriter(const PackWriter&) = delete;
    PackWriter& operator=(const PackWriter&) = delete;
    ~PackWriter();  // waits for what is on its way

    // `raw_length` 0: not compressed. Blobs of one type go into packs of their own.
    void add(BlobType type, const Digest& id, std::string_view sealed, std::uint32_t raw_length);
    // Uploads what is not full yet and the index files of everything. After it, blobs may be referred to.
    void finish();
    [[nodiscard]] std::uint64_t stored_bytes() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fencepost::location::restic
