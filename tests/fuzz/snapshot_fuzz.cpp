// The documents of a repository: the first byte says which. Any text is one, kDataLoss, or of a version that
// is refused.
#include <cstdlib>

#include "base/error.h"
#include "location/restic/documents.h"
#include "location/restic/tree.h"

using namespace fencepost;
using namespace fencepost::location::restic;

namespace {

void read(unsigned char which, std::string_view text) {
    switch (which % 6) {
        case 0: {
            const Snapshot snapshot = parse_snapshot(text);
            const Snapshot again = parse_snapshot(encode_snapshot(snapshot));
            if (again.tree != snapshot.tree || again.time != snapshot.time) std::abort();
            return;
        }
        case 1: {
            const std::vector<Node> nodes = parse_tree(text);
            if (parse_tree(encode_tree(nodes)).size() != nodes.size()) std::abort();
            return;
        }
        case 2:
            return static_cast<void>(parse_lock(text));
        case 3:
            return static_cast<void>(parse_config(text));
        case 4:
            return static_cast<void>(parse_key_file(text));
        default:
            return static_cast<void>(parse_master_key(text));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    if (size == 0) return 0;
    try {
        read(data[0], {reinterpret_cast<const char*>(data + 1), size - 1});
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kDataLoss && error.kind() != ErrorKind::kUnsupported) std::abort();
    }
    return 0;
}
