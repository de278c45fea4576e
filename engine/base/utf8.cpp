#include "base/utf8.h"

namespace fencepost {

Rune decode_rune(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
    };
    const unsigned first = byte(at);
    if (first < 0x80) return {first, 1};
    if (first < 0xC2 || first > 0xF4) return {kReplacementRune, 1};
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    unsigned rune = first & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xC0U) != 0x80U) return {kReplacementRune, 1};
        rune = rune << 6U | (byte(at + i) & 0x3FU);
    }
    const bool is_overlong = (length == 3 && rune < 0x800) || (length == 4 && rune < 0x10000);
    if (is_overlong || rune > 0x10FFFF || (rune >= 0xD800 && rune < 0xE000)) return {kReplacementRune, 1};
    return {rune, length};
}

Rune decode_last_rune(std::string_view text) noexcept {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && text.size() - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U)
        --begin;
    const Rune rune = decode_rune(text, begin);
    return begin + rune.length == text.size() ? rune : Rune{kReplacementRune, 1};
}

void append_rune(std::string& out, std::uint64_t rune) {
    if (rune > 0x10FFFF || (rune >= 0xD800 && rune < 0xE000)) rune = kReplacementRune;
    const auto code = static_cast<unsigned>(rune);
    const auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xC0U | code >> 6U);
        put(0x80U | (code & 0x3FU));
    } else if (code < 0x10000) {
        put(0xE0U | code >> 12U);
        put(0x80U | (code >> 6U & 0x3FU));
        put(0x80U | (code & 0x3FU));
    } else {
        put(0xF0U | code >> 18U);
        put(0x80U | (code >> 12U & 0x3FU));
        put(0x80U | (code >> 6U & 0x3FU));
        put(0x80U | (code & 0x3FU));
    }
}

std::size_t rune_count(std::string_view text) noexcept {
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++count) at += decode_rune(text, at).length;
    return count;
}

}  // namespace fencepost
