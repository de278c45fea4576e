// The way of a stream's bytes into packs: the calling thread reads and cuts chunks, kWorkers threads hash,
// look up, compress and seal them. Memory is bounded: a chunk being filled, one waiting, one with each
// worker. One stream, one pipeline.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/cancel.h"
#include "location/location.h"
#include "location/restic/blob_store.h"
#include "location/restic/chunker.h"

namespace fencepost::location::restic {

struct StreamContent {
    std::vector<Digest> chunks;  // in the stream's order
    std::uint64_t bytes = 0;
    std::uint64_t new_chunks = 0;
};

// Returns when the source has ended and every chunk is with the writer (not yet uploaded). `on_progress` is
// called from the calling thread.
[[nodiscard]] StreamContent store_stream(const Source& source, const Chunker& chunker, BlobStore& store,
                                         const std::function<void(std::uint64_t bytes)>& on_progress,
                                         const CancelToken& cancel);

}  // namespace fencepost::location::restic
