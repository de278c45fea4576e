// The little of Unicode that templates need: letters, digits, case, printability. Thread-safe.
#pragma once

#include "base/utf8.h"

namespace fencepost {

[[nodiscard]] bool is_letter(unsigned rune);
[[nodiscard]] bool is_digit(unsigned rune);   // 0 to 9 of any script
[[nodiscard]] bool is_number(unsigned rune);  // also a half, or a Roman ten
[[nodiscard]] bool is_upper(unsigned rune);
[[nodiscard]] bool is_lower(unsigned rune);
[[nodiscard]] bool is_title(unsigned rune);  // one letter that is a capital and a small one
[[nodiscard]] bool is_unicode_space(unsigned rune);
[[nodiscard]] bool is_printable(unsigned rune);
[[nodiscard]] unsigned to_upper(unsigned rune);
[[nodiscard]] unsigned to_lower(unsigned rune);
[[nodiscard]] unsigned to_title(unsigned rune);

}  // namespace fencepost
