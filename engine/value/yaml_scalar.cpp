#include "value/yaml_scalar.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

#include "value/format.h"
#include "value/json.h"

namespace fencepost {

namespace {

constexpr std::array<std::string_view, 11> kTrue{"y",    "Y",    "yes", "Yes", "YES", "true",
                                                 "True", "TRUE", "on",  "On",  "ON"};
constexpr std::array<std::string_view, 11> kFalse{"n",     "N",     "no",  "No",  "NO", "false",
                                                  "False", "FALSE", "off", "Off", "OFF"};

bool is_one_of(std::string_view text, const std::array<std::string_view, 11>& words) {
    for (const std::string_view word : words) {
        if (word == text) return true;
    }
    return false;
}

std::optional<Value> integer(std::string_view digits, int base, bool negative) {
    if (digits.empty()) return std::nullopt;
    std::uint64_t size = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), size, base);
    if (result.ec != std::errc{} || result.ptr != digits.data() + digits.size()) return std::nullopt;
    constexpr auto kLimit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (negative) {
        if (size > kLimit + 1) return std::nullopt;
        return Value(static_cast<std::int64_t>(0 - size));
    }
    if (size <= kLimit) return Value(static_cast<std::int64_t>(size));
    return Value(std::uint64_t{size});
}

// -?(0|[1-9]...)(.digits)?(e...)? in the forms that go-yaml takes for floats.
bool looks_like_float(std::string_view text) {
    std::size_t at = 0;
    const auto digits = [&] {
        const std::size_t begin = at;
        while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
        return at - begin;
    };
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    std::size_t count = digits();
    if (at < text.size() && text[at] == '.') {
        ++at;
        count += digits();
    }
    if (count == 0) return false;
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
        if (digits() == 0) return false;
    }
    return at == text.size();
}

std::optional<Value> number(std::string_view text) {
    std::string plain;
    for (const char c : text) {
        if (c != '_') plain += c;
    }
    std::string_view rest = plain;
    bool negative = false;
    if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
        negative = rest[0] == '-';
        rest.remove_prefix(1);
    }
    if (rest.empty()) return std::nullopt;
    const std::string_view prefix = rest.substr(0, 2);
    if (prefix == "0x" || prefix == "0X") return integer(rest.substr(2), 16, negative);
    if (prefix == "0b" || prefix == "0B") return integer(rest.substr(2), 2, negative);
    if (prefix == "0o" || prefix == "0O") return integer(rest.substr(2), 8, negative);
    if (rest.size() > 1 && rest[0] == '0') {
        if (auto octal = integer(rest.substr(1), 8, negative)) return octal;
    } else if (auto decimal = integer(rest, 10, negative)) {
        return decimal;
    }
    if (!looks_like_float(plain)) return std::nullopt;
    const double value = std::strtod(plain.c_str(), nullptr);
    if (std::isinf(value)) return std::nullopt;  // 1e999 is a string
    return Value(value);
}

}  // namespace

Value resolve_yaml_scalar(std::string_view text) {
    if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return {};
    if (is_one_of(text, kTrue)) return Value(true);
    if (is_one_of(text, kFalse)) return Value(false);
    const char first = text[0];
    if ((first >= '0' && first <= '9') || first == '-' || first == '+' || first == '.') {
        constexpr double kInfinity = std::numeric_limits<double>::infinity();
        if (text == ".nan" || text == ".NaN" || text == ".NAN") return Value(std::nan(""));
        if (text == ".inf" || text == ".Inf" || text == ".INF" || text == "+.inf" || text == "+.Inf" ||
            text == "+.INF") {
            return Value(kInfinity);
        }
        if (text == "-.inf" || text == "-.Inf" || text == "-.INF") return Value(-kInfinity);
        if (auto value = number(text)) return *value;
    }
    return Value(text);
}

bool is_yaml_control(unsigned rune) noexcept {
    return (rune < 0x20 && rune != '\t' && rune != '\n' && rune != '\r') ||
           (rune >= 0x7F && rune < 0xA0 && rune != 0x85) || rune == 0xFEFF || rune == 0xFFFE ||
           rune == 0xFFFF;
}

std::string yaml_key_text(std::string_view text) {
    if (text == "<<") return "<<";
    const Value value = resolve_yaml_scalar(text);
    if (value.is_string()) return value.as_string();
    if (value.kind() != Kind::kFloat) return to_json(value);
    const std::string number = go_format_float(value.as_double(), 'g', -1, 32);
    if (number == "NaN") return ".nan";
    return number == "+Inf" ? ".inf" : number == "-Inf" ? "-.inf" : number;
}

}  // namespace fencepost
