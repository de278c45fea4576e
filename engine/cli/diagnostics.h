// Problems in input files as people see them: file:line:col, the line itself, a caret, and what to do. Pure.
#pragma once

#include <string>
#include <string_view>

#include "model/diagnostic.h"

namespace fencepost::cli {

// `text` is the file's; `fd` says whose terminal it is for (colours).
[[nodiscard]] std::string to_text_with_excerpt(const model::Diagnostic& diagnostic, std::string_view text,
                                               int fd);

}  // namespace fencepost::cli
