// What an S3 server answers: any text is XML or kDataLoss, and the tree is within its limits.
#include <cstdlib>

#include "aws/xml.h"
#include "base/error.h"
#include "location/s3_xml.h"

using namespace fencepost;
using namespace fencepost::aws;
using namespace fencepost::location;

namespace {

std::size_t count(const XmlNode& node, int depth) {
    if (depth > kMaxXmlDepth) std::abort();
    std::size_t nodes = 1;
    for (const XmlNode& child : node.children) nodes += count(child, depth + 1);
    return nodes;
}

template <typename Work>
void try_it(Work work) {
    try {
        work();
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kDataLoss) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try_it([&] {
        if (count(parse_xml(text), 1) > kMaxXmlNodes) std::abort();
    });
    try_it([&] { static_cast<void>(parse_list_page(text)); });
    try_it([&] { static_cast<void>(parse_upload_id(text)); });
    static_cast<void>(parse_error_body(text));
    return 0;
}
