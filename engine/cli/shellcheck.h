// shellcheck, where it is installed: what it says of a script, for lint. Runs the program and waits for it.
// Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "lint/lint.h"

namespace fencepost::cli {

// Nothing where there is no shellcheck, or where it does not know the shell.
[[nodiscard]] std::vector<lint::ScriptFinding> shellcheck(const std::string& shell, const std::string& text);

}  // namespace fencepost::cli
