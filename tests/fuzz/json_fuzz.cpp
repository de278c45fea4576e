// A request's body: it is JSON or is refused, and what was read is written so that it reads the same.
#include <cstdlib>

#include "base/error.h"
#include "value/json.h"

using namespace fencepost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    Value value;
    try {
        value = parse_json({reinterpret_cast<const char*>(data), size});
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kInvalid && error.kind() != ErrorKind::kTooLarge) std::abort();
        return 0;
    }
    const std::string text = to_json(value);
    if (text.find("-0") != std::string::npos) return 0;  // a negative zero becomes a whole number
    if (to_json(parse_json(text)) != text) std::abort();
    if (to_json(parse_json(to_json(value, {.escape_html = false, .indent = "  "}))) != text) std::abort();
    return 0;
}
