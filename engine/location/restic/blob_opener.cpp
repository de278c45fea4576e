#include "location/restic/blob_opener.h"

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::location::restic {

std::string BlobOpener::open(const Digest& id, std::uint32_t raw_length, std::string_view sealed) {
    std::string plain = cipher_.open(sealed);
    if (raw_length != 0) plain = decompressor_.decompress_exactly(plain, raw_length);
    if (sha256(plain) != id)
        throw Error(ErrorKind::kDataLoss, "blob " + to_hex(id) + " does not have its checksum");
    return plain;
}

}  // namespace fencepost::location::restic
