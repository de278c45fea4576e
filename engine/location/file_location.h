// A folder as a Location. An object is a file; it is written beside the others under a temporary name,
// fsynced, and renamed to its key, so that a reader sees it whole or not at all. The folder itself is never
// made: one that is missing (a mount that is not there) is kNotFound. Paths are walked part by part without
// following symbolic links, so that no key leads out of the folder. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "location/location.h"

namespace fencepost::location {

// Temporaries live here, in the folder itself; no key may start with it, no listing shows it.
inline constexpr std::string_view kTemporaryFolder = ".fencepost-tmp";

[[nodiscard]] std::unique_ptr<Location> open_file_location(std::string folder, std::string_view prefix);

}  // namespace fencepost::location
