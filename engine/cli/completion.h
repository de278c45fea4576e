// Completion scripts for shells, made from the definitions of the command line. What a value can be is told
// by the name that help gives it: FILE, DIR, KIND, KIND/NAME, NAME (of the kind before it), ID (of an
// action), or the choices themselves, "json|yaml". Pure; thread-safe.
#pragma once

#include <string>

#include "cli/command.h"

namespace fencepost::cli {

[[nodiscard]] std::string bash_completion(const Command& tree);
[[nodiscard]] std::string zsh_completion(const Command& tree);
[[nodiscard]] std::string fish_completion(const Command& tree);

}  // namespace fencepost::cli
