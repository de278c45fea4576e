// UTF-8 as Go reads and writes it. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fencepost {

inline constexpr unsigned kReplacementRune = 0xFFFD;

struct Rune {
    unsigned rune = 0;       // kReplacementRune where the bytes are not UTF-8
    std::size_t length = 1;  // in bytes; 1 where they are not UTF-8
    [[nodiscard]] bool is_valid() const noexcept { return rune != kReplacementRune || length == 3; }
};

// REQUIRES: at < text.size().
[[nodiscard]] Rune decode_rune(std::string_view text, std::size_t at) noexcept;
// The rune that ends the text. REQUIRES: !text.empty().
[[nodiscard]] Rune decode_last_rune(std::string_view text) noexcept;
// Surrogates and what is too large become kReplacementRune.
void append_rune(std::string& out, std::uint64_t rune);
[[nodiscard]] std::size_t rune_count(std::string_view text) noexcept;

}  // namespace fencepost
