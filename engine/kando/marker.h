// The lines by which a container talks to its phase: outputs as in Kanister, and how far it has come, which
// is Fencepost's own (Kanister takes such a line for ordinary text). Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fencepost::kando {

// `###Phase-output###: {"key":"KEY","value":"VALUE"}` with a line break. Throws kInvalid for a key that has
// anything but letters, digits and '_'.
[[nodiscard]] std::string output_marker(std::string_view key, std::string_view value);
// `###Phase-progress###: {"uploadedBytes":N}` with a line break.
[[nodiscard]] std::string progress_marker(std::string_view what, std::uint64_t bytes);

}  // namespace fencepost::kando
