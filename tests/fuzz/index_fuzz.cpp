// An index file: any text is a list of packs or kDataLoss, and what was read comes back when it is written
// and read again.
#include <cstdlib>

#include "base/error.h"
#include "location/restic/index.h"

using namespace fencepost;
using namespace fencepost::location::restic;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    std::vector<PackBlobs> packs;
    try {
        parse_index({reinterpret_cast<const char*>(data), size},
                    [&](const PackBlobs& pack) { packs.push_back(pack); });
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kDataLoss) std::abort();
        return 0;
    }
    std::vector<PackBlobs> again;
    Index index;
    parse_index(encode_index(packs), [&](const PackBlobs& pack) {
        again.push_back(pack);
        index.add(pack);
    });
    if (again != packs) std::abort();
    index.sort();
    for (const PackBlobs& pack : packs) {
        if (!index.has_pack(pack.pack)) std::abort();
        for (const Blob& blob : pack.blobs) {
            if (!index.find(blob.type, blob.id)) std::abort();
        }
    }
    return 0;
}
