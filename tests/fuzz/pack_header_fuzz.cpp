// A pack's header: any bytes are a list of blobs or kDataLoss, and what was read is written again as it was.
#include <cstdlib>

#include "base/error.h"
#include "location/restic/pack.h"

using namespace fencepost;
using namespace fencepost::location::restic;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        static_cast<void>(parse_length(text.substr(0, 4), size));
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kDataLoss) std::abort();
    }
    try {
        if (encode_header(parse_header(text)).size() > text.size()) std::abort();
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kDataLoss) std::abort();
    }
    return 0;
}
