// Opens sealed blobs: deciphers, decompresses, and holds what comes out against its id. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "location/restic/blob.h"
#include "location/restic/compress.h"
#include "location/restic/crypto.h"

namespace fencepost::location::restic {

class BlobOpener {
  public:
    explicit BlobOpener(const MasterKey& key) : cipher_(key) {}
    // `raw_length` as in Blob. Throws kDataLoss for anything that does not verify.
    [[nodiscard]] std::string open(const Digest& id, std::uint32_t raw_length, std::string_view sealed);

  private:
    Cipher cipher_;
    Decompressor decompressor_;
};

}  // namespace fencepost::location::restic
