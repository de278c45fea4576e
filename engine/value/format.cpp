#include "value/format.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/encodings.h"
#include "base/error.h"
#include "value/go_time.h"
#include "value/go_type.h"
#include "value/unicode.h"

namespace fencepost {

namespace {

struct Flags {
    bool plus = false, minus = false, sharp = false, space = false, zero = false;
    bool has_width = false, has_precision = false;
    int width = 0, precision = 0;
    bool plus_v = false, sharp_v = false;
};

void append_quoted_rune(std::string& out, unsigned rune, std::size_t length, unsigned char raw, char quote,
                        bool ascii) {
    std::array<char, 16> text{};
    if (rune == static_cast<unsigned char>(quote) || rune == '\\') {
        out += '\\';
        out += static_cast<char>(rune);
    } else if (rune == 0xFFFD && length == 1) {
        std::snprintf(text.data(), text.size(), "\\x%02x", raw);
        out += text.data();
    } else if (rune < 0x80 ? rune >= 0x20 && rune < 0x7F : is_printable(rune) && !ascii) {
        append_rune(out, rune);
    } else {
        if (rune >= 7 && rune <= 13) {
            out += '\\';
            out += std::string_view("abtnvfr")[rune - 7];
        } else {
            const char* format = rune < 0x20 || rune == 0x7F ? "\\x%02x"
                                 : rune < 0x10000            ? "\\u%04x"
                                                             : "\\U%08x";
            std::snprintf(text.data(), text.size(), format, rune);
            out += text.data();
        }
    }
}

std::string quote_text(std::string_view text, bool ascii) {
    std::string out = "\"";
    for (std::size_t at = 0; at < text.size();) {
        const auto [rune, length] = decode_rune(text, at);
        append_quoted_rune(out, rune, length, static_cast<unsigned char>(text[at]), '"', ascii);
        at += length;
    }
    return out + '"';
}

class Printer {
  public:
    explicit Printer(std::string& out) : out_(out) {}
    Flags flags;

    void pad(std::string_view text) {
        const std::size_t runes = rune_count(text);
        const std::size_t fill = flags.has_width && static_cast<std::size_t>(flags.width) > runes
                                     ? static_cast<std::size_t>(flags.width) - runes
                                     : 0;
        if (flags.minus) {
            out_ += text;
            out_.append(fill, ' ');
        } else {
            out_.append(fill, flags.zero ? '0' : ' ');
            out_ += text;
        }
    }

    void print(const Value& value, char verb, int depth = 0) {
        // Only fmt.Errorf knows %w; of bytes Go says so for each.
        if (verb == 'w' && (depth > 0 || value.kind() != Kind::kBytes)) return bad(value, verb);
        if (depth > 0 && value.is_nil() && value.go_type() == nullptr) {
            out_ += flags.sharp_v && verb == 'v' ? "interface {}(nil)" : "<nil>";
            return;
        }
        if (verb == 'T')
            return value.is_nil() && value.go_type() == nullptr ? pad("<nil>")
                                                                : format_string(go_type_name(value));
        const GoType* type = value.go_type();
        if (asks_for_text_ && type != nullptr && type->to_text != nullptr && !value.is_nil() &&
            (verb == 's' || verb == 'q' || verb == 'x' || verb == 'X' || (verb == 'v' && !flags.sharp_v)))
            return format_text(type->to_text(value), value, verb);
        switch (value.kind()) {
            case Kind::kNil:
                return print_nil(value, verb);
            case Kind::kBool:
                if (verb != 'v' && verb != 't') return bad(value, verb);
                return pad(value.as_bool() ? "true" : "false");
            case Kind::kInt: {
                const std::int64_t number = value.as_int();
                return format_integer(
                    number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number),
                    number < 0, value, verb);
            }
            case Kind::kUint:
                return format_integer(value.as_uint(), false, value, verb);
            case Kind::kFloat:
                return format_float(value, verb);
            case Kind::kString:
                return format_text(value.as_string(), value, verb);
            case Kind::kBytes:
                return format_bytes(value, verb, depth);
            case Kind::kTime:
                return print_time(value, verb);
            case Kind::kList:
                return print_list(value, verb, depth);
            case Kind::kMap:
                return print_map(value, verb, depth);
            case Kind::kStruct:
                if (value.go_type() == &go::kComplex128) return print_complex(value, verb);
                return print_struct(value, verb, depth);
        }
    }

    void bad(const Value& value, char verb) {
        out_ += "%!";
        out_ += verb;
        out_ += '(';
        if (value.kind() == Kind::kNil && value.go_type() == nullptr) {
            out_ += "<nil>";
        } else {
            out_ += go_type_name(value);
            out_ += '=';
            asks_for_text_ = false;
            print(value, 'v');
            asks_for_text_ = true;
        }
        out_ += ')';
    }

  private:
    void print_nil(const Value& value, char verb) {
        const GoType* type = value.go_type();
        if (type != nullptr && type->kind == Kind::kMap && !type->is_pointer) {
            if (verb == 'v' && flags.sharp_v)
                out_ += std::string(type->name) + "(nil)";
            else
                out_ += "map[]";
        } else if (type != nullptr && type->kind == Kind::kList && !type->is_pointer) {
            if (verb == 'v' && flags.sharp_v)
                out_ += std::string(type->name) + "(nil)";
            else
                out_ += "[]";
        } else if (verb == 'v') {
            if (flags.sharp_v && type != nullptr)
                out_ += "(" + std::string(type->name) + ")(nil)";
            else
                pad("<nil>");
        } else if (type == nullptr) {
            out_ += "%!";
            out_ += verb;
            out_ += "(<nil>)";
        } else {
            bad(value, verb);
        }
    }

    // The precision counts characters.
    [[nodiscard]] std::string_view shortened(std::string_view text) const {
        if (!flags.has_precision) return text;
        std::size_t at = 0;
        for (int n = 0; n < flags.precision && at < text.size(); ++n) at += decode_rune(text, at).length;
        return text.substr(0, at);
    }

    void format_string(std::string_view text) { pad(shortened(text)); }

    void format_text(std::string_view text, const Value& value, char verb) {
        switch (verb) {
            case 'v':
                if (flags.sharp_v) return pad(quote_text(shortened(text), false));
                return format_string(text);
            case 's':
                return format_string(text);
            case 'q': {
                const std::string_view cut = shortened(text);
                if (flags.sharp && go_can_backquote(cut)) return pad("`" + std::string(cut) + "`");
                return pad(quote_text(cut, flags.plus));
            }
            case 'x':
            case 'X':
                return format_hex(text, verb);
            default:
                return bad(value, verb);
        }
    }

    void format_hex(std::string_view text, char verb) {
        if (flags.has_precision) text = text.substr(0, static_cast<std::size_t>(flags.precision));
        std::string hex;
        const std::string prefix = flags.sharp ? (verb == 'x' ? "0x" : "0X") : "";
        if (!text.empty()) hex = prefix;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (i > 0 && flags.space) hex += " " + prefix;
            std::array<char, 4> digits{};
            std::snprintf(digits.data(), digits.size(), verb == 'x' ? "%02x" : "%02X",
                          static_cast<unsigned char>(text[i]));
            hex += digits.data();
        }
        pad(hex);
    }

    // With 0x, whatever the flags.
    void hexadecimal(std::uint64_t size) {
        const bool sharp = flags.sharp;
        flags.sharp = true;
        integer(size, false, 16, "0123456789abcdef", 'v');
        flags.sharp = sharp;
    }

    void format_integer(std::uint64_t size, bool negative, const Value& value, char verb) {
        switch (verb) {
            case 'v':
                if (flags.sharp_v && value.kind() == Kind::kUint) return hexadecimal(size);
                return integer(size, negative, 10, "0123456789abcdef", verb);
            case 'd':
                return integer(size, negative, 10, "0123456789abcdef", verb);
            case 'b':
                return integer(size, negative, 2, "0123456789abcdef", verb);
            case 'o':
            case 'O':
                return integer(size, negative, 8, "0123456789abcdef", verb);
            case 'x':
                return integer(size, negative, 16, "0123456789abcdef", verb);
            case 'X':
                return integer(size, negative, 16, "0123456789ABCDEF", verb);
            case 'c': {
                std::string text;
                append_rune(text,
                            negative || size > 0x10FFFF ? kReplacementRune : static_cast<unsigned>(size));
                return pad(text);
            }
            case 'q': {
                std::string text = "'";
                const unsigned rune = negative || size > 0x10FFFF ? 0xFFFD : static_cast<unsigned>(size);
                append_quoted_rune(text, rune, 3, 0, '\'', flags.plus);
                return pad(text + "'");
            }
            case 'U': {
                std::array<char, 24> text{};
                const int digits =
                    flags.has_precision && flags.precision > 4 ? std::min(flags.precision, 16) : 4;
                std::snprintf(text.data(), text.size(), "U+%0*lX", digits,
                              static_cast<unsigned long>(negative ? 0 - size : size));
                std::string out = text.data();
                if (flags.sharp && size <= 0x10FFFF && is_printable(static_cast<unsigned>(size))) {
                    out += " '";
                    append_rune(out, static_cast<unsigned>(size));
                    out += "'";
                }
                const bool zero = flags.zero;
                flags.zero = false;
                pad(out);
                flags.zero = zero;
                return;
            }
            default:
                return bad(value, verb);
        }
    }

    void integer(std::uint64_t size, bool negative, unsigned base, const char* alphabet, char verb) {
        if (flags.has_precision && flags.precision == 0 && size == 0) {
            const bool zero = flags.zero;
            flags.zero = false;
            if (flags.has_width) out_.append(static_cast<std::size_t>(flags.width), ' ');
            flags.zero = zero;
            return;
        }
        std::string digits;
        do {
            digits += alphabet[size % base];
            size /= base;
        } while (size != 0);
        std::size_t least = flags.has_precision ? static_cast<std::size_t>(flags.precision) : 0;
        if (!flags.has_precision && flags.zero && !flags.minus && flags.has_width) {
            least = static_cast<std::size_t>(flags.width);
            if (negative || flags.plus || flags.space) least = least > 0 ? least - 1 : 0;
        }
        while (digits.size() < least) digits += '0';
        if (flags.sharp) {
            if (base == 2) digits += "b0";
            if (base == 8 && digits.back() != '0') digits += '0';
            if (base == 16) digits += alphabet[10] == 'a' ? "x0" : "X0";
        }
        if (verb == 'O') digits += "o0";
        if (negative)
            digits += '-';
        else if (flags.plus)
            digits += '+';
        else if (flags.space)
            digits += ' ';
        std::reverse(digits.begin(), digits.end());
        const bool zero = flags.zero;
        flags.zero = false;
        pad(digits);
        flags.zero = zero;
    }

    // The # flag: a point always, and for %g and %x as many digits as the precision (6 where none is given),
    // counted from the first that is not 0; Go counts the x of 0x too.
    static void keep_point(std::string& text, char verb, int precision) {
        const bool is_hex = verb == 'x' || verb == 'X';
        std::size_t end = text.find_first_of(is_hex ? "pP" : "eE");
        if (text.find_first_of("IN") != std::string::npos) return;
        const std::string tail = end == std::string::npos ? "" : text.substr(end);
        text.resize(std::min(end, text.size()));
        int wanted = 0;
        if (verb == 'v' || verb == 'g' || verb == 'G' || verb == 'x') wanted = precision < 0 ? 6 : precision;
        bool is_counting = false;
        for (std::size_t i = 1; i < text.size(); ++i) {
            if (text[i] == '.') continue;
            is_counting = is_counting || text[i] != '0';
            if (is_counting) --wanted;
        }
        if (text.find('.') == std::string::npos) {
            if (text.size() == 2 && text[1] == '0') --wanted;
            text += '.';
        }
        if (wanted > 0) text.append(static_cast<std::size_t>(wanted), '0');
        text += tail;
    }

    void format_float(const Value& value, char verb) {
        const int bits = value.go_type() == &go::kFloat32 ? 32 : 64;
        char form = verb;
        int precision = flags.has_precision ? flags.precision : -1;
        switch (verb) {
            case 'v':
                form = 'g';
                break;
            case 'e':
            case 'E':
            case 'f':
            case 'F':
                if (!flags.has_precision) precision = 6;
                if (verb == 'F') form = 'f';
                break;
            case 'g':
            case 'G':
            case 'b':
            case 'x':
            case 'X':
                break;
            default:
                return bad(value, verb);
        }
        std::string text = go_format_float(value.as_double(), form, precision, bits);
        if (text[0] != '-' && text[0] != '+') text.insert(0, "+");
        if (flags.space && text[0] == '+' && !flags.plus) text[0] = ' ';
        if (flags.sharp && verb != 'b') keep_point(text, verb, precision);
        const bool finite = text.find_first_not_of("+-0123456789.abcdefpxABCDEFPX ") == std::string::npos;
        const bool keeps_sign = flags.plus || text[0] != '+' || text[1] == 'I';  // Go says +Inf always
        if (keeps_sign && flags.zero && !flags.minus && finite && flags.has_width &&
            static_cast<std::size_t>(flags.width) > text.size()) {
            out_ += text[0];
            out_.append(static_cast<std::size_t>(flags.width) - text.size(), '0');
            out_ += text.substr(1);
            return;
        }
        const bool zero = flags.zero;
        if (!finite) flags.zero = false;
        pad(keeps_sign ? std::string_view(text) : std::string_view(text).substr(1));
        flags.zero = zero;
    }

    void format_bytes(const Value& value, char verb, int depth) {
        const std::string& data = value.as_bytes().data;
        switch (verb) {
            case 's':
            case 'q':
            case 'x':
            case 'X':
                return format_text(data, value, verb);
            case 'v':
            case 'd': {
                out_ += !flags.sharp_v ? "[" : depth > 0 ? "[]uint8{" : "[]byte{";
                for (std::size_t i = 0; i < data.size(); ++i) {
                    if (i > 0) out_ += flags.sharp_v ? ", " : " ";
                    const unsigned byte = static_cast<unsigned char>(data[i]);
                    if (flags.sharp_v)
                        hexadecimal(byte);
                    else
                        integer(byte, false, 10, "0123456789abcdef", 'v');
                }
                out_ += flags.sharp_v ? '}' : ']';
                return;
            }
            default: {
                out_ += flags.sharp_v ? "[]uint8{" : "[";
                for (std::size_t i = 0; i < data.size(); ++i) {
                    if (i > 0) out_ += flags.sharp_v ? ", " : " ";
                    print(Value(std::uint64_t{static_cast<unsigned char>(data[i])}, go::kUint8), verb, 1);
                }
                out_ += flags.sharp_v ? '}' : ']';
            }
        }
    }

    // A time is text to the verbs that ask for text, and to others the struct that Go keeps it in.
    void print_time(const Value& value, char verb) {
        const Time& time = value.as_time();
        if (verb == 'v' && !asks_for_text_) {
            print_fields(value);
        } else if (verb == 'v' && flags.sharp_v) {
            format_string(time_go_syntax(time));
        } else if (verb == 'v' || verb == 's' || verb == 'x' || verb == 'X' || verb == 'q') {
            format_text(time_text(time), value, verb);
        } else {
            out_ += '{';
            print(Value(static_cast<std::uint64_t>(time.nanosecond)), verb, 1);
            out_ += ' ';
            print(Value(time.unix_seconds - kZeroTime.unix_seconds), verb, 1);
            out_ += ' ';
            if (verb == 'd' || verb == 'o' || verb == 'b')
                integer(0, false, verb == 'd' ? 10 : verb == 'o' ? 8 : 2, "0123456789abcdef", verb);
            else
                nil_location(verb);
            out_ += '}';
        }
    }

    void nil_location(char verb) {
        out_ += "%!" + std::string(1, verb) + "(*time.Location=";
        pad("<nil>");
        out_ += ')';
    }

    // The struct that Go keeps a time in, as %v would print it if it had no text of its own.
    void print_fields(const Value& value) {
        const Time& time = value.as_time();
        const bool named = flags.plus_v || flags.sharp_v;
        out_ += flags.sharp_v ? "time.Time{" : "{";
        if (named) out_ += "wall:";
        print(Value(static_cast<std::uint64_t>(time.nanosecond)), 'v', 1);
        out_ += flags.sharp_v ? ", " : " ";
        if (named) out_ += "ext:";
        print(Value(time.unix_seconds - kZeroTime.unix_seconds), 'v', 1);
        out_ += flags.sharp_v ? ", " : " ";
        if (named) out_ += "loc:";
        if (flags.sharp_v)
            out_ += "(*time.Location)(nil)";
        else
            pad("<nil>");
        out_ += '}';
    }

    void print_complex(const Value& value, char verb) {
        if (std::string_view("vbgGxXfFeE").find(verb) == std::string_view::npos) return bad(value, verb);
        const bool plus = flags.plus;
        const auto& parts = value.as_fields().values;
        out_ += '(';
        format_float(parts[0], verb);
        flags.plus = true;
        format_float(parts[1], verb);
        out_ += "i)";
        flags.plus = plus;
    }

    void print_list(const Value& value, char verb, int depth) {
        if (flags.sharp_v && verb == 'v') {
            out_ += go_type_name(value);
            out_ += '{';
        } else {
            out_ += '[';
        }
        bool first = true;
        for (const Value& item : value.as_list()) {
            if (!first) out_ += flags.sharp_v && verb == 'v' ? ", " : " ";
            first = false;
            print(item, verb, depth + 1);
        }
        out_ += flags.sharp_v && verb == 'v' ? '}' : ']';
    }

    void print_map(const Value& value, char verb, int depth) {
        const bool go_syntax = flags.sharp_v && verb == 'v';
        if (go_syntax) {
            out_ += go_type_name(value);
            out_ += '{';
        } else {
            out_ += "map[";
        }
        bool first = true;
        for (const Member& member : value.as_map()) {
            if (!first) out_ += go_syntax ? ", " : " ";
            first = false;
            print(Value(member.key), verb, depth + 1);
            out_ += ':';
            print(member.value, verb, depth + 1);
        }
        out_ += go_syntax ? '}' : ']';
    }

    void print_struct(const Value& value, char verb, int depth) {
        const GoType& type = *value.go_type();
        if (type.is_pointer) out_ += '&';
        if (flags.sharp_v && verb == 'v') out_ += type.is_pointer ? type.name.substr(1) : type.name;
        out_ += '{';
        const auto& values = value.as_fields().values;
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (i > 0) out_ += flags.sharp_v && verb == 'v' ? ", " : " ";
            if ((flags.plus_v || flags.sharp_v) && verb == 'v') {
                out_ += type.fields[i].name;
                out_ += ':';
            }
            print(values[i], verb, depth + 1);
        }
        out_ += '}';
    }

    std::string& out_;
    bool asks_for_text_ = true;  // types have texts of their own: not in the complaint about a wrong verb
};

// strconv-like reading of a number in a format; Go refuses what is above 1e6.
bool read_number(std::string_view format, std::size_t& at, int& number) {
    bool any = false;
    number = 0;
    while (at < format.size() && format[at] >= '0' && format[at] <= '9') {
        if (number > 1'000'000) return false;
        number = number * 10 + (format[at++] - '0');
        any = true;
    }
    return any;
}

class FormatRun {
  public:
    FormatRun(std::string& out, std::string_view format, std::span<const Value> arguments)
        : out_(out), format_(format), arguments_(arguments), printer_(out) {}

    void run() {
        while (at_ < format_.size()) {
            const std::size_t percent = format_.find('%', at_);
            out_ += format_.substr(
                at_, percent == std::string_view::npos ? std::string_view::npos : percent - at_);
            if (percent == std::string_view::npos) break;
            at_ = percent + 1;
            directive();
            if (out_.size() > kMaxFormatBytes)
                throw Error(ErrorKind::kExhausted,
                            "the result is larger than " + std::to_string(kMaxFormatBytes) + " bytes");
        }
        if (!reordered_ && next_ < arguments_.size()) extra();
    }

  private:
    void directive() {
        printer_.flags = Flags{};
        good_index_ = true;
        after_index_ = false;
        read_flags();
        argument_number();
        read_width();
        read_precision();
        if (!after_index_) argument_number();
        if (at_ >= format_.size()) {
            out_ += "%!(NOVERB)";
            return;
        }
        const std::size_t length = decode_rune(format_, at_).length;
        const std::string_view verb_text = format_.substr(at_, length);
        at_ += length;
        const char verb = length == 1 ? verb_text[0] : '\0';
        if (verb == '%') {
            out_ += '%';
        } else if (!good_index_) {
            out_ += "%!" + std::string(verb_text) + "(BADINDEX)";
        } else if (next_ >= arguments_.size()) {
            out_ += "%!" + std::string(verb_text) + "(MISSING)";
        } else {
            Flags& flags = printer_.flags;
            if (verb == 'v' || verb == 'w') {
                flags.sharp_v = flags.sharp;
                flags.sharp = false;
                flags.plus_v = flags.plus;
                flags.plus = false;
            }
            printer_.print(arguments_[next_++], verb);
        }
    }

    void read_flags() {
        Flags& flags = printer_.flags;
        for (; at_ < format_.size(); ++at_) {
            switch (format_[at_]) {
                case '#':
                    flags.sharp = true;
                    break;
                case '0':
                    flags.zero = true;
                    break;
                case '+':
                    flags.plus = true;
                    break;
                case '-':
                    flags.minus = true;
                    break;
                case ' ':
                    flags.space = true;
                    break;
                default:
                    if (flags.minus) flags.zero = false;
                    return;
            }
        }
    }

    void argument_number() {
        if (at_ >= format_.size() || format_[at_] != '[') return;
        reordered_ = true;
        const std::size_t end = format_.find(']', at_);
        if (end == std::string_view::npos) {
            good_index_ = false;
            ++at_;
            return;
        }
        std::size_t digit = at_ + 1;
        int number = 0;
        const bool ok = read_number(format_, digit, number) && digit == end && number >= 1 &&
                        static_cast<std::size_t>(number) <= arguments_.size();
        at_ = end + 1;
        after_index_ = true;
        if (ok)
            next_ = static_cast<std::size_t>(number) - 1;
        else
            good_index_ = false;
    }

    bool star(int& number) {
        ++at_;
        const bool there = next_ < arguments_.size() && arguments_[next_].kind() == Kind::kInt;
        if (there)
            number =
                static_cast<int>(std::clamp<std::int64_t>(arguments_[next_].as_int(), -1'000'001, 1'000'001));
        if (next_ < arguments_.size()) ++next_;
        after_index_ = false;
        return there && std::abs(number) <= 1'000'000;
    }

    void read_width() {
        Flags& flags = printer_.flags;
        if (at_ < format_.size() && format_[at_] == '*') {
            flags.has_width = star(flags.width);
            if (!flags.has_width) out_ += "%!(BADWIDTH)";
            if (flags.width < 0) {
                flags.width = -flags.width;
                flags.minus = true;
                flags.zero = false;
            }
            return;
        }
        flags.has_width = read_number(format_, at_, flags.width);
        if (after_index_ && flags.has_width) good_index_ = false;
    }

    void read_precision() {
        Flags& flags = printer_.flags;
        if (at_ + 1 >= format_.size() || format_[at_] != '.') return;
        ++at_;
        if (after_index_) good_index_ = false;
        argument_number();
        if (at_ < format_.size() && format_[at_] == '*') {
            flags.has_precision = star(flags.precision);
            if (flags.precision < 0) flags.has_precision = false;
            if (!flags.has_precision) {
                out_ += "%!(BADPREC)";
                flags.precision = 0;
            }
            return;
        }
        if (!read_number(format_, at_, flags.precision)) flags.precision = 0;
        flags.has_precision = true;
    }

    void extra() {
        printer_.flags = Flags{};
        out_ += "%!(EXTRA ";
        for (bool first = true; next_ < arguments_.size(); ++next_, first = false) {
            if (!first) out_ += ", ";
            if (arguments_[next_].is_nil() && arguments_[next_].go_type() == nullptr) {
                out_ += "<nil>";
            } else {
                out_ += go_type_name(arguments_[next_]);
                out_ += '=';
                printer_.print(arguments_[next_], 'v');
            }
        }
        out_ += ')';
    }

    std::string& out_;
    std::string_view format_;
    std::span<const Value> arguments_;
    Printer printer_;
    std::size_t at_ = 0;
    std::size_t next_ = 0;
    bool reordered_ = false;
    bool good_index_ = true;
    bool after_index_ = false;
};

}  // namespace

std::string go_sprintf(std::string_view format, std::span<const Value> arguments) {
    std::string out;
    FormatRun(out, format, arguments).run();
    return out;
}

std::string go_sprint(std::span<const Value> arguments) {
    std::string out;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (i > 0 && !arguments[i].is_string() && !arguments[i - 1].is_string()) out += ' ';
        append_go_format_v(out, arguments[i]);
    }
    return out;
}

std::string go_sprintln(std::span<const Value> arguments) {
    std::string out;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (i > 0) out += ' ';
        append_go_format_v(out, arguments[i]);
    }
    return out + '\n';
}

std::string go_format_v(const Value& value) {
    std::string out;
    append_go_format_v(out, value);
    return out;
}

void append_go_format_v(std::string& output, const Value& value) {
    if (value.is_string()) {
        output += value.as_string();
    } else {
        Printer(output).print(value, 'v');
    }
}

bool go_can_backquote(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const auto [rune, length] = decode_rune(text, at);
        const bool is_control = (rune < ' ' && rune != '\t') || rune == 0x7F;
        if (is_control || rune == '`' || rune == 0xFEFF || (rune == kReplacementRune && length == 1))
            return false;
        at += length;
    }
    return true;
}

std::string go_quote(std::string_view text) { return quote_text(text, false); }

}  // namespace fencepost
