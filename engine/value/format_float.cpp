#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "value/format.h"

namespace fencepost {

namespace {

struct Decimal {
    std::string digits;  // no leading zeros but for "0"
    int exponent = 0;    // value = 0.digits * 10^exponent
};

// The shortest digits that read back as the same value.
Decimal shortest(double value, int bits) {
    std::array<char, 64> buffer{};
    const auto result = bits == 32 ? std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                                   static_cast<float>(value), std::chars_format::scientific)
                                   : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                                   std::chars_format::scientific);
    const std::string_view text(buffer.data(), static_cast<std::size_t>(result.ptr - buffer.data()));
    const std::size_t e = text.find('e');
    Decimal decimal;
    for (const char c : text.substr(0, e)) {
        if (c != '.') decimal.digits += c;
    }
    decimal.exponent = std::atoi(std::string(text.substr(e + 1)).c_str()) + 1;
    while (decimal.digits.size() > 1 && decimal.digits.back() == '0') decimal.digits.pop_back();
    if (decimal.digits == "0") decimal.exponent = 1;
    return decimal;
}

void append_exponent(std::string& out, int exponent, char letter) {
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%c%c%02d", letter, exponent < 0 ? '-' : '+', std::abs(exponent));
    out += text.data();
}

std::string format_e(const Decimal& decimal, char letter) {
    std::string out(1, decimal.digits[0]);
    if (decimal.digits.size() > 1) out += "." + decimal.digits.substr(1);
    append_exponent(out, decimal.digits == "0" ? 0 : decimal.exponent - 1, letter);
    return out;
}

std::string format_f(const Decimal& decimal) {
    const auto size = static_cast<int>(decimal.digits.size());
    if (decimal.exponent <= 0)
        return "0." + std::string(static_cast<std::size_t>(-decimal.exponent), '0') + decimal.digits;
    if (decimal.exponent >= size) {
        return decimal.digits + std::string(static_cast<std::size_t>(decimal.exponent - size), '0');
    }
    const auto split = static_cast<std::size_t>(decimal.exponent);
    return decimal.digits.substr(0, split) + "." + decimal.digits.substr(split);
}

// 0x1.8p+01: one hexadecimal digit before the point, the exponent of two.
std::string format_x(double size, int precision, bool upper) {
    int exponent = 0;
    const double mantissa = size == 0 ? 0 : std::frexp(size, &exponent) * 2;
    std::array<char, 64> text{};
    if (precision < 0)
        std::snprintf(text.data(), text.size(), "%a", mantissa);
    else
        std::snprintf(text.data(), text.size(), "%.*a", std::min(precision, 40), mantissa);
    std::string out(text.data());
    out.resize(out.find('p'));
    exponent = size == 0 ? 0 : exponent - 1;
    if (out[2] == '2') {  // rounded up to the next power
        out[2] = '1';
        ++exponent;
    }
    append_exponent(out, exponent, 'p');
    if (upper)
        std::transform(out.begin(), out.end(), out.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return out;
}

// 4503599627370496p-51: the whole mantissa and the exponent of two.
std::string format_b(double size, int bits) {
    const int digits = bits == 32 ? 24 : 53;
    const int least = bits == 32 ? -149 : -1074;
    int exponent = 0;
    (void)std::frexp(size, &exponent);
    exponent = size == 0 ? least : std::max(exponent - digits, least);
    const auto mantissa = static_cast<std::uint64_t>(std::ldexp(size, -exponent));
    return std::to_string(mantissa) + "p" + (exponent < 0 ? "" : "+") + std::to_string(exponent);
}

}  // namespace

std::string go_format_float(double value, char verb, int precision, int bits) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
    const std::string sign = std::signbit(value) ? "-" : "";
    const double size = std::fabs(value);
    const char lower = static_cast<char>(verb | 0x20);
    if (lower == 'x') return sign + format_x(size, precision, verb == 'X');
    if (verb == 'b') return sign + format_b(size, bits);
    const char letter = verb == 'E' || verb == 'G' ? 'E' : 'e';
    if (precision < 0) {
        const Decimal decimal = shortest(size, bits);
        if (lower == 'f') return sign + format_f(decimal);
        if (lower == 'e') return sign + format_e(decimal, letter);
        // strconv's %g with the shortest digits turns to exponents below 1e-4 and from 1e+06 on.
        const int exponent = decimal.exponent - 1;
        return sign + (size != 0 && (exponent < -4 || exponent >= 6) ? format_e(decimal, letter)
                                                                     : format_f(decimal));
    }
    std::array<char, 8> format{'%', '.', '*',
                               lower == 'g' ? (letter == 'E' ? 'G' : 'g') : (lower == 'e' ? letter : 'f'), 0};
    const int length = std::snprintf(nullptr, 0, format.data(), precision, size);
    std::string out(static_cast<std::size_t>(length), '\0');
    std::snprintf(out.data(), out.size() + 1, format.data(), precision, size);
    return sign + out;
}

}  // namespace fencepost
