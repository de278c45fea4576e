#include "base/encodings.h"

#include "base/error.h"
#include "template/sprig/sprig.h"
#include "value/json.h"

namespace fencepost::tmpl::sprig {

namespace {

constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const std::string& str(const Value* value) { return value->as_string(); }

// sprig gives the decoder's complaint as the result.
Value b64dec(Arguments a) {
    try {
        return Value(base64_decode(str(a[0])));
    } catch (const Error& e) {
        return Value(e.message());
    }
}

Value b32enc(Arguments a) {
    const std::string& bytes = str(a[0]);
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 5) {
        std::uint64_t group = 0;
        const std::size_t count = std::min<std::size_t>(5, bytes.size() - i);
        for (std::size_t n = 0; n < 5; ++n)
            group = group << 8U | (n < count ? static_cast<unsigned char>(bytes[i + n]) : 0U);
        const std::size_t digits = (count * 8 + 4) / 5;
        for (std::size_t n = 0; n < 8; ++n) out += n < digits ? kBase32[group >> (35 - 5 * n) & 31U] : '=';
    }
    return Value(std::move(out));
}

// Groups of eight digits, the last one filled up with "=". Where a mistake is told to be, is where Go tells
// it.
Value b32dec(Arguments a) {
    std::string text = str(a[0]);
    std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
    const auto bad = [](std::size_t at) {
        return Value("illegal base32 data at input byte " + std::to_string(at));
    };
    std::string out;
    for (std::size_t begin = 0; begin < text.size(); begin += 8) {
        std::uint64_t group = 0;
        std::size_t digits = 0;
        for (; digits < 8; ++digits) {
            const std::size_t at = begin + digits;
            if (at == text.size()) return bad(at - digits);
            const std::size_t rest = text.size() - at - 1;
            if (text[at] == '=' && digits >= 2 && rest < 8) {
                if (rest + digits < 7) return bad(text.size());
                for (std::size_t k = 0; k < 7 - digits; ++k) {
                    if (rest > k && text[at + 1 + k] != '=') return bad(at + k);
                }
                if (digits == 3 || digits == 6) return bad(at);
                break;
            }
            const std::size_t digit = kBase32.find(text[at]);
            if (digit == std::string_view::npos) return bad(at);
            group = group << 5U | digit;
        }
        for (std::size_t n = 0; n < digits * 5 / 8; ++n)
            out += static_cast<char>(group >> (digits * 5 - 8 * (n + 1)) & 255U);
        if (digits < 8) break;
    }
    return Value(std::move(out));
}

Value to_json_text(Arguments a, std::string indent) {
    try {
        return Value(to_json(*a[0], {.escape_html = true, .indent = std::move(indent)}));
    } catch (const Error&) {
        return Value("");  // sprig drops what cannot be written
    }
}

constexpr Param S = Param::kString;
constexpr Param A = Param::kAny;

const FunctionEntry kTable[] = {
    {.name = "b32dec", .params = {S}, .call = b32dec},
    {.name = "b32enc", .params = {S}, .call = b32enc},
    {.name = "b64dec", .params = {S}, .call = b64dec},
    {.name = "b64enc", .params = {S}, .call = [](Arguments a) { return Value(base64_encode(str(a[0]))); }},
    {.name = "toJson", .params = {A}, .call = [](Arguments a) { return to_json_text(a, ""); }},
    {.name = "toPrettyJson", .params = {A}, .call = [](Arguments a) { return to_json_text(a, "  "); }},
};

}  // namespace

Table encodings() { return kTable; }

}  // namespace fencepost::tmpl::sprig
