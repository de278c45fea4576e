// Where the bytes of a pull go: standard output, a file, a pipe. Used by one thread.
#pragma once

#include <functional>
#include <string>

#include "location/location.h"

namespace fencepost::kando {

// Calls `pull` with a sink that fills the target: "-" is the descriptor `out`; a regular or new file gets its
// new content whole or keeps the old; anything else (a pipe, a device) is written as it comes.
void write_target(const std::string& target, int out, const std::function<void(const location::Sink&)>& pull);

}  // namespace fencepost::kando
