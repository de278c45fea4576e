// The line by which a container hands an output to its phase: kanister.md 1.10. Pure.
#pragma once

#include <string>
#include <string_view>

namespace fencepost::kando {

// `###Phase-output###: {"key":"KEY","value":"VALUE"}` with a line break. Throws kInvalid for a key that has
// anything but letters, digits and '_'.
[[nodiscard]] std::string output_marker(std::string_view key, std::string_view value);

}  // namespace fencepost::kando
