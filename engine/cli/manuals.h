// What is written about the command line for people who do not ask it: manual pages, and the reference in
// docs/reference.md. All of it is made from the definitions (command.h) and the tables of settings and exit
// codes. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/manual.h"

namespace fencepost::cli {

// fencepost(1), fencepost-VERB(1) each, and fencepost.yaml(5).
[[nodiscard]] std::vector<Manual> manuals(std::string_view version);
[[nodiscard]] std::string reference();  // Markdown

}  // namespace fencepost::cli
