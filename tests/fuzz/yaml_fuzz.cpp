#include "base/error.h"
#include "value/json.h"
#include "value/yaml.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        (void)fencepost::to_json(fencepost::parse_yaml_value({reinterpret_cast<const char*>(data), size}));
    } catch (const fencepost::Error&) {
    }
    return 0;
}
