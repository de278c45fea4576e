#include "base/error.h"
#include "value/json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const fencepost::Value value = fencepost::parse_json({reinterpret_cast<const char*>(data), size});
        // What is written is read as the same again.
        if (fencepost::to_json(fencepost::parse_json(fencepost::to_json(value))) != fencepost::to_json(value))
            std::abort();
    } catch (const fencepost::Error&) {
    }
    return 0;
}
