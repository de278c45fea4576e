#include "kando/marker.h"

#include <algorithm>

#include "base/error.h"
#include "value/json.h"

namespace fencepost::kando {

std::string output_marker(std::string_view key, std::string_view value) {
    const bool valid = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (!valid) {
        throw Error(ErrorKind::kInvalid, "'" + std::string(key) + "' is no output key",
                    "a key has letters, digits and '_' only");
    }
    return "###Phase-output###: " + to_json(Map{{"key", key}, {"value", value}}) + "\n";
}

std::string progress_marker(std::string_view what, std::uint64_t bytes) {
    return "###Phase-progress###: {\"" + std::string(what) + "\":" + std::to_string(bytes) + "}\n";
}

}  // namespace fencepost::kando
