#include "base/encodings.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sys/random.h>

#include <cmath>
#include <cstring>

#include "base/error.h"

namespace fencepost {

namespace {

constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHex = "0123456789abcdef";

unsigned byte_at(std::string_view text, std::size_t index) { return static_cast<unsigned char>(text[index]); }

int base64_digit(char c) noexcept {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return -1;
}

int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

[[noreturn]] void bad_base64(std::size_t offset) {
    throw Error(ErrorKind::kInvalid, "illegal base64 data at input byte " + std::to_string(offset));
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    std::size_t i = 0;
    for (; i + 2 < bytes.size(); i += 3) {
        const unsigned group = byte_at(bytes, i) << 16U | byte_at(bytes, i + 1) << 8U | byte_at(bytes, i + 2);
        for (unsigned shift : {18U, 12U, 6U, 0U}) text += kBase64[group >> shift & 63U];
    }
    if (i + 1 == bytes.size()) {
        const unsigned group = byte_at(bytes, i) << 16U;
        text += kBase64[group >> 18U];
        text += kBase64[group >> 12U & 63U];
        text += "==";
    } else if (i + 2 == bytes.size()) {
        const unsigned group = byte_at(bytes, i) << 16U | byte_at(bytes, i + 1) << 8U;
        for (unsigned shift : {18U, 12U, 6U}) text += kBase64[group >> shift & 63U];
        text += '=';
    }
    return text;
}

// Where a mistake is told to be, is where Go tells it.
std::string base64_decode(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    const auto skip_newlines = [&](std::size_t at) {
        return std::min(text.find_first_not_of("\r\n", at), text.size());
    };
    unsigned group = 0;
    unsigned digits = 0;
    for (std::size_t at = skip_newlines(0); at < text.size(); at = skip_newlines(at + 1)) {
        if (text[at] == '=') {
            if (digits < 2) bad_base64(at);
            if (digits == 2) {
                const std::size_t second = skip_newlines(at + 1);
                if (second == text.size()) bad_base64(second);
                if (text[second] != '=') bad_base64(second - 1);
                at = second;
            }
            if (const std::size_t rest = skip_newlines(at + 1); rest < text.size()) bad_base64(rest);
            bytes += static_cast<char>(group >> (digits == 2 ? 4U : 10U) & 255U);
            if (digits == 3) bytes += static_cast<char>(group >> 2U & 255U);
            return bytes;
        }
        const int digit = base64_digit(text[at]);
        if (digit < 0) bad_base64(at);
        group = group << 6U | static_cast<unsigned>(digit);
        if (++digits == 4) {
            for (const unsigned shift : {16U, 8U, 0U}) bytes += static_cast<char>(group >> shift & 255U);
            group = 0;
            digits = 0;
        }
    }
    if (digits != 0) bad_base64(text.size() - digits);
    return bytes;
}

std::string hex_encode(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size() * 2);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        text += kHex[byte_at(bytes, i) >> 4U];
        text += kHex[byte_at(bytes, i) & 15U];
    }
    return text;
}

std::string hex_decode(std::string_view text) {
    if (text.size() % 2 != 0) throw Error(ErrorKind::kInvalid, "hex text has an odd number of digits");
    std::string bytes;
    bytes.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const int high = hex_digit(text[i]);
        const int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0)
            throw Error(ErrorKind::kInvalid, "not a hex digit at byte " + std::to_string(i));
        bytes += static_cast<char>(high << 4 | low);
    }
    return bytes;
}

std::string url_encode(std::string_view text, bool keep_slash) {
    std::string result;
    for (const char c : text) {
        const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                                c == '-' || c == '_' || c == '.' || c == '~' || (keep_slash && c == '/');
        if (unreserved) {
            result += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            result += '%';
            result += "0123456789ABCDEF"[byte >> 4U];
            result += "0123456789ABCDEF"[byte & 15U];
        }
    }
    return result;
}

std::string url_decode(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            result += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0)
            throw Error(ErrorKind::kInvalid, "invalid URL escape at byte " + std::to_string(i));
        result += static_cast<char>(high << 4 | low);
        i += 2;
    }
    return result;
}

std::array<unsigned char, 32> sha256(std::string_view bytes) {
    std::array<unsigned char, 32> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
    return digest;
}

std::string sha256_hex(std::string_view bytes) {
    const auto digest = sha256(bytes);
    return hex_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::array<unsigned char, 32> hmac_sha256(std::string_view key, std::string_view bytes) {
    std::array<unsigned char, 32> digest{};
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data(), &size);
    return digest;
}

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    std::size_t done = 0;
    while (done < count) {
        const ssize_t got = getrandom(bytes.data() + done, count - done, 0);
        if (got < 0 && errno != EINTR) throw errno_error("getrandom", errno);
        if (got > 0) done += static_cast<std::size_t>(got);
    }
    return bytes;
}

std::string random_uuid() {
    std::string bytes = random_bytes(16);
    bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
    std::string text = hex_encode(bytes);
    for (const std::size_t at : {20U, 16U, 12U, 8U}) text.insert(at, 1, '-');
    return text;
}

std::string random_name_suffix(std::size_t count) {
    constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
    std::string suffix;
    for (const char byte : random_bytes(count))
        suffix += kAlphabet[static_cast<unsigned char>(byte) % kAlphabet.size()];
    return suffix;
}

namespace {

std::string seconds_text(SystemTime time) {
    const std::time_t seconds =
        std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> buffer{};
    const std::size_t size = std::strftime(buffer.data(), buffer.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    return {buffer.data(), size};
}

[[noreturn]] void bad_time(std::string_view text) {
    throw Error(ErrorKind::kInvalid, "'" + std::string(text) + "' is not an RFC 3339 time",
                "write it like 2026-11-21T05:12:30Z");
}

// Reads exactly `digits` digits at `at`, and the separator after them where there is one.
int read_digits(std::string_view text, std::size_t& at, int digits, char separator) {
    int number = 0;
    for (int i = 0; i < digits; ++i, ++at) {
        if (at >= text.size() || text[at] < '0' || text[at] > '9') bad_time(text);
        number = number * 10 + (text[at] - '0');
    }
    if (separator != '\0') {
        if (at >= text.size() || text[at] != separator) bad_time(text);
        ++at;
    }
    return number;
}

}  // namespace

std::string format_rfc3339(SystemTime time) { return seconds_text(time) + "Z"; }

std::string format_rfc3339_nano(SystemTime time) {
    const auto fraction = time - std::chrono::floor<std::chrono::seconds>(time);
    auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(fraction).count();
    std::string text = seconds_text(time);
    if (nanoseconds != 0) {
        std::string digits = std::to_string(nanoseconds);
        digits.insert(0, 9 - digits.size(), '0');
        while (digits.back() == '0') digits.pop_back();
        text += "." + digits;
    }
    return text + "Z";
}

SystemTime parse_rfc3339(std::string_view text) {
    std::size_t at = 0;
    const int year = read_digits(text, at, 4, '-');
    const int month = read_digits(text, at, 2, '-');
    const int day = read_digits(text, at, 2, '\0');
    if (at >= text.size() || (text[at] != 'T' && text[at] != 't' && text[at] != ' ')) bad_time(text);
    ++at;
    const int hour = read_digits(text, at, 2, ':');
    const int minute = read_digits(text, at, 2, ':');
    const int second = read_digits(text, at, 2, '\0');
    const std::chrono::year_month_day date{std::chrono::year{year},
                                           std::chrono::month{static_cast<unsigned>(month)},
                                           std::chrono::day{static_cast<unsigned>(day)}};
    // The years that nanoseconds in 64 bits reach, and a day less at either end.
    if (!date.ok() || year < 1678 || year > 2261 || hour > 23 || minute > 59 || second > 60) bad_time(text);
    std::chrono::nanoseconds fraction{0};
    if (at < text.size() && text[at] == '.') {
        std::int64_t scale = 100'000'000;
        for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
            fraction += std::chrono::nanoseconds{(text[at] - '0') * scale};
        }
    }
    std::chrono::minutes offset{0};
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) {
        const int sign = text[at] == '-' ? -1 : 1;
        ++at;
        const int hours = read_digits(text, at, 2, ':');
        offset = sign * (std::chrono::hours{hours} + std::chrono::minutes{read_digits(text, at, 2, '\0')});
    } else if (at < text.size() && (text[at] == 'Z' || text[at] == 'z')) {
        ++at;
    } else {
        bad_time(text);
    }
    if (at != text.size()) bad_time(text);
    return std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
           std::chrono::seconds{second} + std::chrono::duration_cast<SystemTime::duration>(fraction) - offset;
}

namespace {

// A decimal fraction of a unit without trailing zeros: 1500 of 1000 is "1.5".
std::string decimal(std::int64_t number, std::int64_t unit) {
    std::string text = std::to_string(number / unit);
    std::int64_t rest = number % unit;
    if (rest == 0) return text;
    text += '.';
    for (std::int64_t scale = unit / 10; rest != 0; scale /= 10) {
        text += static_cast<char>('0' + rest / scale);
        rest %= scale;
    }
    return text;
}

}  // namespace

std::string format_duration(std::chrono::nanoseconds duration) {
    const std::int64_t count = duration.count();
    if (count == 0) return "0s";
    if (count < 0) return "-" + format_duration(-duration);
    if (count < 1'000) return std::to_string(count) + "ns";
    if (count < 1'000'000) return decimal(count, 1'000) + "\u00b5s";
    if (count < 1'000'000'000) return decimal(count, 1'000'000) + "ms";
    constexpr std::int64_t kSecond = 1'000'000'000;
    const std::int64_t hours = count / (3600 * kSecond);
    const std::int64_t minutes = count / (60 * kSecond) % 60;
    std::string text;
    if (hours > 0) text += std::to_string(hours) + "h";
    if (hours > 0 || minutes > 0) text += std::to_string(minutes) + "m";
    return text + decimal(count % (60 * kSecond), kSecond) + "s";
}

std::chrono::nanoseconds parse_duration(std::string_view text) {
    const auto fail = [&](std::string_view why) {
        throw Error(ErrorKind::kInvalid,
                    std::string("time: ") + std::string(why) + " duration \"" + std::string(text) + "\"",
                    "write it like 30s, 5m or 1h30m");
    };
    std::string_view rest = text;
    double sign = 1;
    if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
        if (rest[0] == '-') sign = -1;
        rest.remove_prefix(1);
    }
    if (rest == "0") return std::chrono::nanoseconds{0};
    if (rest.empty()) fail("invalid");
    double total = 0;
    while (!rest.empty()) {
        std::size_t digits = 0;
        while (digits < rest.size() && ((rest[digits] >= '0' && rest[digits] <= '9') || rest[digits] == '.'))
            ++digits;
        if (digits == 0 || rest.substr(0, digits) == ".") fail("invalid");
        const double number = std::strtod(std::string(rest.substr(0, digits)).c_str(), nullptr);
        rest.remove_prefix(digits);
        std::size_t unit_size = 0;
        while (unit_size < rest.size() && rest[unit_size] != '.' &&
               (rest[unit_size] < '0' || rest[unit_size] > '9')) {
            ++unit_size;
        }
        const std::string_view unit = rest.substr(0, unit_size);
        rest.remove_prefix(unit_size);
        if (unit == "ns")
            total += number;
        else if (unit == "us" || unit == "\u00b5s" || unit == "\u03bcs")
            total += number * 1e3;
        else if (unit == "ms")
            total += number * 1e6;
        else if (unit == "s")
            total += number * 1e9;
        else if (unit == "m")
            total += number * 60e9;
        else if (unit == "h")
            total += number * 3600e9;
        else
            fail(unit.empty() ? "missing unit in" : "unknown unit in");
    }
    if (total > 9.2e18) fail("invalid");
    return std::chrono::nanoseconds{static_cast<std::int64_t>(std::llround(sign * total))};
}

std::int64_t parse_quantity(std::string_view text) {
    const auto fail = [&] {
        throw Error(ErrorKind::kInvalid, "'" + std::string(text) + "' is not a quantity",
                    "write it like 500Mi, 10Gi or 1G");
    };
    std::size_t digits = 0;
    while (digits < text.size() && ((text[digits] >= '0' && text[digits] <= '9') || text[digits] == '.'))
        ++digits;
    if (digits == 0) fail();
    const double number = std::strtod(std::string(text.substr(0, digits)).c_str(), nullptr);
    const std::string_view unit = text.substr(digits);
    constexpr std::string_view kPrefixes = "kMGTPE";
    double scale = 1;
    if (unit == "m") {
        scale = 1e-3;
    } else if (!unit.empty()) {
        const char letter = unit[0] == 'K' ? 'k' : unit[0];
        const std::size_t power = kPrefixes.find(letter);
        const bool binary = unit.size() == 2 && unit[1] == 'i';
        if (power == std::string_view::npos || (unit.size() == 2 && !binary) || unit.size() > 2) fail();
        scale = std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power + 1));
    }
    const double bytes = std::ceil(number * scale);
    if (bytes > 9.2e18) fail();
    return static_cast<std::int64_t>(bytes);
}

}  // namespace fencepost
