// The little of Unicode that templates need: decoding, letters, digits, case, printability. Thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fencepost {

inline constexpr unsigned kInvalidRune = 0xFFFD;  // what stands for bytes that are no UTF-8

struct Rune {
    unsigned rune = 0;       // U+FFFD where the bytes are not UTF-8
    std::size_t length = 1;  // in bytes
};

[[nodiscard]] Rune decode_rune(std::string_view text, std::size_t at);
void append_rune(std::string& out, unsigned rune);
[[nodiscard]] std::size_t rune_count(std::string_view text);
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
