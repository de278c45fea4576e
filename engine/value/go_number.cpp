#include "value/go_number.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/ascii.h"

namespace fencepost {
namespace {

bool is_sign(char c) noexcept { return c == '+' || c == '-'; }
bool is_decimal(char c) noexcept { return c >= '0' && c <= '9'; }

// "0x", "0b" or "0o"; what follows a sign.
bool has_prefix(std::string_view text) noexcept {
    return text.size() >= 2 && text[0] == '0' &&
           std::string_view("xbo").find(ascii_lower(text[1])) != std::string_view::npos;
}

std::optional<double> of_word(std::string_view text) {
    const bool is_negative = text.starts_with('-');
    std::string_view word = text;
    if (!word.empty() && is_sign(word[0])) word.remove_prefix(1);
    if (equal_without_case(word, "inf") || equal_without_case(word, "infinity"))
        return is_negative ? -std::numeric_limits<double>::infinity()
                           : std::numeric_limits<double>::infinity();
    if (equal_without_case(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
    return std::nullopt;
}

}  // namespace

std::optional<std::string> without_underscores(std::string_view text) {
    std::string out;
    enum class Seen { kNothing, kDigit, kUnderscore, kOther } seen = Seen::kNothing;
    std::size_t at = 0;
    if (!text.empty() && is_sign(text[0])) out += text[at++];
    const bool is_hex = has_prefix(text.substr(at)) && ascii_lower(text[at + 1]) == 'x';
    if (has_prefix(text.substr(at))) {
        out += text.substr(at, 2);
        at += 2;
        seen = Seen::kDigit;
    }
    for (; at < text.size(); ++at) {
        const char c = text[at];
        const char lower = ascii_lower(c);
        if (c == '_') {
            if (seen != Seen::kDigit) return std::nullopt;
            seen = Seen::kUnderscore;
            continue;
        }
        const bool is_digit = is_decimal(c) || (is_hex && lower >= 'a' && lower <= 'f');
        if (!is_digit && seen == Seen::kUnderscore) return std::nullopt;
        seen = is_digit ? Seen::kDigit : Seen::kOther;
        out += c;
    }
    if (seen == Seen::kUnderscore) return std::nullopt;
    return out;
}

std::optional<double> parse_go_float(std::string_view text) {
    if (const auto value = of_word(text)) return value;
    const auto plain = without_underscores(text);
    if (!plain || plain->empty()) return std::nullopt;
    const std::size_t begin = is_sign(plain->front()) ? 1 : 0;
    const std::string_view number = std::string_view(*plain).substr(begin);
    const bool is_hex = has_prefix(number) && ascii_lower(number[1]) == 'x';
    // strtod reads more than Go: words, blanks, and hexadecimal digits without an exponent.
    const std::string_view letters = is_hex ? "0123456789abcdefABCDEFxX.pP+-" : "0123456789.eE+-";
    if (number.empty() || number.find_first_not_of(letters) != std::string_view::npos) return std::nullopt;
    if (is_hex && number.find_first_of("pP") == std::string_view::npos) return std::nullopt;
    if (is_sign(number[0])) return std::nullopt;
    char* end = nullptr;
    const double value = std::strtod(plain->c_str(), &end);
    if (end != plain->c_str() + plain->size() || std::isinf(value)) return std::nullopt;
    return value;
}

GoInt parse_go_int(std::string_view text, int base) {
    const bool is_negative = text.starts_with('-');
    std::string_view digits = text;
    if (!digits.empty() && is_sign(digits[0])) digits.remove_prefix(1);
    const auto last = static_cast<char>('0' + base - 1);
    if (digits.empty() ||
        !std::all_of(digits.begin(), digits.end(), [&](char c) { return c >= '0' && c <= last; }))
        return {};
    const std::string spelled = (is_negative ? "-" : "") + std::string(digits);
    std::int64_t value = 0;
    if (std::from_chars(spelled.data(), spelled.data() + spelled.size(), value, base).ec == std::errc{})
        return {value, true};
    return {is_negative ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max(),
            false};
}

}  // namespace fencepost
