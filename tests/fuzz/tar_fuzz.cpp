// A base backup's tar: any bytes are entries or an Error, the same in whatever pieces they come, and a file
// has as many bytes as its entry said.
#include <cstdlib>

#include "archive/tar.h"
#include "base/error.h"

using namespace fencepost;
using namespace fencepost::archive;

namespace {

struct Counting final : TarVisitor {
    void begin(const TarEntry& entry) override {
        seen += entry.name + "\n";
        left = entry.bytes;
    }
    void data(std::string_view bytes) override {
        if (bytes.size() > left) std::abort();
        left -= bytes.size();
        seen += bytes;
    }
    void end() override {
        if (left != 0) std::abort();
        seen += "\n";
    }
    std::string seen;
    std::uint64_t left = 0;
};

std::string read(std::string_view bytes, std::size_t piece) {
    Counting counting;
    try {
        TarReader reader(counting);
        for (std::size_t at = 0; at < bytes.size(); at += piece) reader.feed(bytes.substr(at, piece));
        reader.finish();
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kDataLoss && error.kind() != ErrorKind::kUnsupported) std::abort();
        return counting.seen + "failed";
    }
    return counting.seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    if (read(bytes, 512) != read(bytes, 37)) std::abort();
    return 0;
}
