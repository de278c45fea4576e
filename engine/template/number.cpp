#include "template/number.h"

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "value/format.h"
#include "value/go_number.h"
#include "value/go_type.h"
#include "value/unicode.h"

namespace fencepost::tmpl {

namespace {

[[noreturn]] void bad_syntax() { throw Error(ErrorKind::kInvalid, "invalid syntax"); }

// One character of a quoted literal, escapes resolved; `quote` is what may be escaped besides the usual.
void unquote_one(std::string_view text, std::size_t& at, char quote, std::string& out, unsigned* code) {
    const auto rune_out = [&](unsigned rune) {
        if (code != nullptr) *code = rune;
        append_rune(out, rune);
    };
    const auto byte_out = [&](unsigned byte) {
        if (code != nullptr) *code = byte;
        out += static_cast<char>(byte);
    };
    if (text[at] != '\\') {
        const Rune rune = decode_rune(text, at);
        if (code != nullptr) *code = rune.rune;
        out += text.substr(at, rune.length);
        at += rune.length;
        return;
    }
    if (++at >= text.size()) bad_syntax();
    const char c = text[at++];
    const auto digits = [&](int count, int base) {
        unsigned value = 0;
        for (int i = 0; i < count; ++i, ++at) {
            if (at >= text.size()) bad_syntax();
            const char d = text[at];
            const int digit = d >= '0' && d <= '9'                     ? d - '0'
                              : (d | 0x20) >= 'a' && (d | 0x20) <= 'f' ? (d | 0x20) - 'a' + 10
                                                                       : 99;
            if (digit >= base) bad_syntax();
            value = value * static_cast<unsigned>(base) + static_cast<unsigned>(digit);
        }
        return value;
    };
    switch (c) {
        case 'a':
            return byte_out(7);
        case 'b':
            return byte_out(8);
        case 'f':
            return byte_out(12);
        case 'n':
            return byte_out(10);
        case 'r':
            return byte_out(13);
        case 't':
            return byte_out(9);
        case 'v':
            return byte_out(11);
        case '\\':
            return byte_out('\\');
        case 'x':
            return byte_out(digits(2, 16));
        case 'u':
        case 'U': {
            const unsigned rune = digits(c == 'u' ? 4 : 8, 16);
            if (rune > 0x10FFFF || (rune >= 0xD800 && rune < 0xE000)) bad_syntax();
            return rune_out(rune);
        }
        case '0':
        case '1':
        case '2':
        case '3':
        case '4':
        case '5':
        case '6':
        case '7': {
            --at;
            const unsigned value = digits(3, 8);
            if (value > 255) bad_syntax();
            return byte_out(value);
        }
        default:
            if (c != quote) bad_syntax();
            byte_out(static_cast<unsigned char>(c));
    }
}

struct Digits {
    std::string text;
    int base = 10;
    bool negative = false;
    bool ok = true;
};

Digits split(std::string_view spelled) {
    Digits digits;
    if (!spelled.empty() && (spelled[0] == '-' || spelled[0] == '+')) {
        digits.negative = spelled[0] == '-';
        spelled.remove_prefix(1);
    }
    const auto plain = without_underscores(spelled);
    digits.ok = plain.has_value();
    digits.text = plain.value_or("");
    if (digits.text.size() > 1 && digits.text[0] == '0') {
        const char letter = static_cast<char>(digits.text[1] | 0x20);
        digits.base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
        digits.text.erase(0, letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
    }
    return digits;
}

std::optional<std::uint64_t> magnitude(const Digits& digits) {
    std::uint64_t value = 0;
    const char* end = digits.text.data() + digits.text.size();
    const auto result = std::from_chars(digits.text.data(), end, value, digits.base);
    if (!digits.ok || digits.text.empty() || result.ec != std::errc{} || result.ptr != end)
        return std::nullopt;
    return value;
}

void finish(NumberNode& number) {
    if (number.is_complex) {
        number.ideal = Value{};
    } else if (number.is_char) {
        number.ideal = Value(*number.as_int, go::kInt);
    } else if (number.as_float && number.spelling.find_first_of("xX") == std::string::npos &&
               number.spelling.find_first_of(".eE") != std::string::npos) {
        number.ideal = Value(*number.as_float);
    } else if (number.as_float && number.spelling.find_first_of("pP") != std::string::npos) {
        number.ideal = Value(*number.as_float);
    } else if (number.as_int) {
        number.ideal = Value(*number.as_int, go::kInt);
    }
}

}  // namespace

std::string unquote(std::string_view literal) {
    if (literal.size() < 2) bad_syntax();
    const char quote = literal[0];
    const std::string_view inside = literal.substr(1, literal.size() - 2);
    std::string out;
    if (quote == '`') {
        for (const char c : inside) {
            if (c != '\r') out += c;
        }
        return out;
    }
    for (std::size_t at = 0; at < inside.size();) unquote_one(inside, at, quote, out, nullptr);
    return out;
}

std::unique_ptr<NumberNode> parse_number(const Token& token) {
    auto number = std::make_unique<NumberNode>(token.position, std::string(token.text));
    const std::string& text = number->spelling;
    if (token.kind == TokenKind::kCharConstant) {
        std::string ignored;
        unsigned code = 0;
        std::size_t at = 0;
        const std::string_view inside = std::string_view(text).substr(1, text.size() - 2);
        if (inside.empty() || inside[0] == '\'') bad_syntax();
        unquote_one(inside, at, '\'', ignored, &code);
        if (at != inside.size()) throw Error(ErrorKind::kInvalid, "malformed character constant: " + text);
        number->is_char = true;
        number->as_int = code;
        number->as_uint = code;
        number->as_float = code;
        finish(*number);
        return number;
    }
    if (token.kind == TokenKind::kComplex || text.back() == 'i') {
        std::string_view body = std::string_view(text).substr(0, text.size() - 1);
        std::size_t split_at =
            token.kind == TokenKind::kComplex ? body.find_last_of("+-") : std::string_view::npos;
        if (split_at != std::string_view::npos && split_at > 0 && (body[split_at - 1] | 0x20) == 'e')
            split_at = body.find_last_of("+-", split_at - 1);
        const std::string_view real = split_at == std::string_view::npos ? "0" : body.substr(0, split_at);
        const std::string_view imaginary = split_at == std::string_view::npos ? body : body.substr(split_at);
        const auto r = parse_go_float(real);
        const auto i = parse_go_float(imaginary);
        if (!r || !i) throw Error(ErrorKind::kInvalid, "illegal number syntax: " + go_quote(text));
        number->real = *r;
        number->imaginary = *i;
        number->is_complex = true;
        finish(*number);
        return number;
    }
    const Digits digits = split(text);
    if (const auto size = magnitude(digits)) {
        if (!digits.negative && text[0] != '+') number->as_uint = *size;
        constexpr auto kLimit = std::uint64_t{1} << 63U;
        if (digits.negative ? *size <= kLimit : *size < kLimit) {
            number->as_int = static_cast<std::int64_t>(digits.negative ? 0 - *size : *size);
        }
        if (*size == 0 && text[0] != '+') number->as_uint = 0;
    }
    if (number->as_int) {
        number->as_float = static_cast<double>(*number->as_int);
    } else if (number->as_uint) {
        number->as_float = static_cast<double>(*number->as_uint);
    } else if (const auto value = parse_go_float(text)) {
        // What looks like an integer but is too large for one is no float either.
        if (text.find_first_of(".eEpP") == std::string::npos ||
            (text.find_first_of("xX") != std::string::npos &&
             text.find_first_of("pP") == std::string::npos)) {
            throw Error(ErrorKind::kInvalid, "integer overflow: " + go_quote(text));
        }
        number->as_float = value;
        if (std::trunc(*value) == *value && std::fabs(*value) < 9223372036854775808.0)
            number->as_int = static_cast<std::int64_t>(*value);
        if (std::trunc(*value) == *value && *value >= 0 && *value < 18446744073709551616.0)
            number->as_uint = static_cast<std::uint64_t>(*value);
    } else if (digits.ok && digits.text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos &&
               digits.base == 16 && digits.text.size() > 16) {
        throw Error(ErrorKind::kInvalid, "integer overflow: " + go_quote(text));
    }
    if (!number->as_int && !number->as_uint && !number->as_float)
        throw Error(ErrorKind::kInvalid, "illegal number syntax: " + go_quote(text));
    finish(*number);
    return number;
}

}  // namespace fencepost::tmpl
