#include <array>
#include <charconv>
#include <cmath>

#include "base/encodings.h"
#include "base/error.h"
#include "base/utf8.h"
#include "value/format.h"
#include "value/go_time.h"
#include "value/go_type.h"
#include "value/json.h"

namespace fencepost {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

void append_u(std::string& out, unsigned code) {
    out += "\\u";
    for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kHexDigits[code >> shift & 15U];
}

void write_string(std::string& out, std::string_view text, bool escape_html) {
    out += '"';
    for (std::size_t i = 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte < 0x80) {
            ++i;
            switch (byte) {
                case '"':
                    out += "\\\"";
                    break;
                case '\\':
                    out += "\\\\";
                    break;
                case '\n':
                    out += "\\n";
                    break;
                case '\r':
                    out += "\\r";
                    break;
                case '\t':
                    out += "\\t";
                    break;
                case '\b':
                    out += "\\b";
                    break;
                case '\f':
                    out += "\\f";
                    break;
                default:
                    if (byte < 0x20 || (escape_html && (byte == '<' || byte == '>' || byte == '&'))) {
                        append_u(out, byte);
                    } else {
                        out += static_cast<char>(byte);
                    }
            }
            continue;
        }
        const Rune found = decode_rune(text, i);
        if (!found.is_valid() || found.rune == 0x2028 || found.rune == 0x2029)
            append_u(out, found.rune);
        else
            out += text.substr(i, found.length);
        i += found.length;
    }
    out += '"';
}

// encoding/json's floats: %f within [1e-6, 1e21), else %e with the exponent's leading zero dropped.
void write_float(std::string& out, double value) {
    if (std::isnan(value) || std::isinf(value)) {
        throw Error(ErrorKind::kInvalid, "json: unsupported value: " + go_format_float(value, 'g', -1));
    }
    const double size = std::fabs(value);
    const bool exponent = size != 0 && (size < 1e-6 || size >= 1e21);
    std::string text = go_format_float(value, exponent ? 'e' : 'f', -1);
    if (exponent && text.size() >= 4 && text[text.size() - 4] == 'e' && text[text.size() - 3] == '-' &&
        text[text.size() - 2] == '0') {
        text[text.size() - 2] = text.back();
        text.pop_back();
    }
    out += text;
}

bool is_empty(const Value& value) {
    switch (value.kind()) {
        case Kind::kNil:
            return true;
        case Kind::kBool:
            return !value.as_bool();
        case Kind::kInt:
            return value.as_int() == 0;
        case Kind::kUint:
            return value.as_uint() == 0;
        case Kind::kFloat:
            return value.as_double() == 0;
        case Kind::kString:
            return value.as_string().empty();
        case Kind::kBytes:
            return value.as_bytes().data.empty();
        case Kind::kList:
            return value.as_list().empty();
        case Kind::kMap:
            return value.as_map().empty();
        default:
            return false;
    }
}

class Writer {
  public:
    Writer(std::string& out, const JsonFormat& format) : out_(out), format_(format) {}

    void write(const Value& value) {
        switch (value.kind()) {
            case Kind::kNil:
                out_ += "null";
                break;
            case Kind::kBool:
                out_ += value.as_bool() ? "true" : "false";
                break;
            case Kind::kInt:
                out_ += std::to_string(value.as_int());
                break;
            case Kind::kUint:
                out_ += std::to_string(value.as_uint());
                break;
            case Kind::kFloat:
                write_float(out_, value.as_double());
                break;
            case Kind::kString:
                write_string(out_, value.as_string(), format_.escape_html);
                break;
            case Kind::kBytes:
                out_ += '"' + base64_encode(value.as_bytes().data) + '"';
                break;
            case Kind::kTime:
                write_time(value.as_time());
                break;
            case Kind::kList:
                write_list(value.as_list());
                break;
            case Kind::kMap:
                write_map(value.as_map());
                break;
            case Kind::kStruct:
                if (value.go_type() == &go::kComplex128)
                    throw Error(ErrorKind::kInvalid, "json: unsupported type: complex128");
                if (value.go_type()->to_text != nullptr)
                    write_string(out_, value.go_type()->to_text(value), format_.escape_html);
                else
                    write_struct(value);
                break;
        }
    }

  private:
    void write_time(const Time& time) {
        const std::int64_t year = civil_time(time).year;
        if (year < 0 || year > 9999)
            throw Error(ErrorKind::kInvalid,
                        "json: error calling MarshalJSON for type time.Time: year outside of range [0,9999]");
        out_ += '"' + format_time(time, "2006-01-02T15:04:05.999999999Z07:00") + '"';
    }
    void write_list(const List& list) {
        open('[');
        bool first = true;
        for (const Value& item : list) {
            separate(first);
            write(item);
        }
        close(']', list.empty());
    }
    void write_map(const Map& map) {
        open('{');
        bool first = true;
        for (const Member& member : map) {
            separate(first);
            write_key(member.key);
            write(member.value);
        }
        close('}', map.empty());
    }
    void write_struct(const Value& value) {
        open('{');
        bool first = true;
        write_fields(value, first);
        close('}', first);
    }
    void write_fields(const Value& value, bool& first) {
        const auto fields = value.go_type()->fields;
        const auto& values = value.as_fields().values;
        for (std::size_t i = 0; i < fields.size() && i < values.size(); ++i) {
            if (fields[i].is_embedded && fields[i].json_name.empty() && values[i].kind() == Kind::kStruct) {
                write_fields(values[i], first);
                continue;
            }
            if (fields[i].json_name.empty() || (fields[i].omit_empty && is_empty(values[i]))) continue;
            separate(first);
            write_key(fields[i].json_name);
            write(values[i]);
        }
    }
    void write_key(std::string_view key) {
        write_string(out_, key, format_.escape_html);
        out_ += format_.indent.empty() ? ":" : ": ";
    }
    void open(char bracket) {
        out_ += bracket;
        ++depth_;
    }
    void separate(bool& first) {
        if (!first) out_ += ',';
        first = false;
        new_line();
    }
    void close(char bracket, bool empty) {
        --depth_;
        if (!empty) new_line();
        out_ += bracket;
    }
    void new_line() {
        if (format_.indent.empty()) return;
        out_ += '\n';
        for (int i = 0; i < depth_; ++i) out_ += format_.indent;
    }

    std::string& out_;
    const JsonFormat& format_;
    int depth_ = 0;
};

}  // namespace

std::string to_json(const Value& value, const JsonFormat& format) {
    std::string out;
    Writer(out, format).write(value);
    return out;
}

}  // namespace fencepost
