#include "value/unicode.h"

#include <re2/re2.h>

#include <clocale>
#include <cwctype>

namespace fencepost {

namespace {

// Whether a rune is in a class: RE2 has Unicode's tables, the same ones that Go has.
bool is_in(const re2::RE2& pattern, unsigned rune) {
    std::string text;
    append_rune(text, rune);
    return re2::RE2::FullMatch(text, pattern);
}

// glibc's Unicode tables, in a locale object of our own: the process's locale stays "C".
locale_t unicode_locale() {
    static const locale_t locale = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
}

}  // namespace

bool is_letter(unsigned rune) {
    static const re2::RE2 letters("\\pL");
    return rune < 0x80 ? (rune | 0x20U) >= 'a' && (rune | 0x20U) <= 'z' : is_in(letters, rune);
}

bool is_digit(unsigned rune) {
    static const re2::RE2 digits("\\p{Nd}");
    return rune < 0x80 ? rune >= '0' && rune <= '9' : is_in(digits, rune);
}

bool is_number(unsigned rune) {
    static const re2::RE2 numbers("\\pN");
    return rune < 0x80 ? rune >= '0' && rune <= '9' : is_in(numbers, rune);
}

bool is_upper(unsigned rune) {
    static const re2::RE2 capitals("\\p{Lu}");
    return rune < 0x80 ? rune >= 'A' && rune <= 'Z' : is_in(capitals, rune);
}

bool is_lower(unsigned rune) {
    static const re2::RE2 small("\\p{Ll}");
    return rune < 0x80 ? rune >= 'a' && rune <= 'z' : is_in(small, rune);
}

bool is_title(unsigned rune) {
    static const re2::RE2 titles("\\p{Lt}");
    return rune >= 0x80 && is_in(titles, rune);
}

bool is_unicode_space(unsigned rune) {
    return rune == ' ' || (rune >= 9 && rune <= 13) || rune == 0x85 || rune == 0xA0 || rune == 0x1680 ||
           (rune >= 0x2000 && rune <= 0x200A) || rune == 0x2028 || rune == 0x2029 || rune == 0x202F ||
           rune == 0x205F || rune == 0x3000;
}

bool is_printable(unsigned rune) {
    static const re2::RE2 printable("[\\pL\\pM\\pN\\pP\\pS]");
    return rune < 0x80 ? rune >= 0x20 && rune < 0x7F : is_in(printable, rune);
}

unsigned to_upper(unsigned rune) { return ::towupper_l(rune, unicode_locale()); }
unsigned to_lower(unsigned rune) { return ::towlower_l(rune, unicode_locale()); }

unsigned to_title(unsigned rune) {
    static const wctrans_t titles = ::wctrans_l("totitle", unicode_locale());
    return ::towctrans_l(rune, titles, unicode_locale());
}

}  // namespace fencepost
