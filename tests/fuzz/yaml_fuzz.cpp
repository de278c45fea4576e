// A blueprint's text, or anything else: it is YAML or is refused as what is wrong with it, and what was read
// is written so that it reads the same.
#include <cstdlib>

#include "base/error.h"
#include "value/json.h"
#include "value/yaml.h"

using namespace fencepost;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    std::vector<YamlDocument> documents;
    try {
        documents = parse_yaml({reinterpret_cast<const char*>(data), size}, "fuzz.yaml");
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::kInvalid && error.kind() != ErrorKind::kTooLarge) std::abort();
        return 0;
    }
    for (const YamlDocument& document : documents) {
        if (document.first_line < 1) std::abort();
        const std::string json = to_json(document.value);
        if (json.find("-0") != std::string::npos) continue;  // a negative zero becomes a whole number
        if (to_json(parse_yaml_value(to_yaml(document.value))) != json) std::abort();
    }
    return 0;
}
