#include "base/encodings.h"

#include <openssl/evp.h>

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

Value b32dec(Arguments a) {
    std::string out;
    std::uint64_t group = 0;
    int bits = 0;
    const std::string& text = str(a[0]);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '\n' || c == '\r') continue;
        if (c == '=') break;
        const std::size_t digit = kBase32.find(c);
        if (digit == std::string_view::npos)
            return Value("illegal base32 data at input byte " + std::to_string(i));
        group = group << 5U | digit;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>(group >> static_cast<unsigned>(bits) & 255U);
        }
    }
    return Value(std::move(out));
}

std::string digest_hex(const std::string& text, const EVP_MD* type) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), digest, &size, type, nullptr);
    return hex_encode({reinterpret_cast<const char*>(digest), size});
}

Value adler32(Arguments a) {
    std::uint32_t low = 1;
    std::uint32_t high = 0;
    for (const char c : str(a[0])) {
        low = (low + static_cast<unsigned char>(c)) % 65521;
        high = (high + low) % 65521;
    }
    return Value(std::to_string(high << 16U | low));
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
    {.name = "adler32sum", .params = {S}, .call = adler32},
    {.name = "b32dec", .params = {S}, .call = b32dec},
    {.name = "b32enc", .params = {S}, .call = b32enc},
    {.name = "b64dec", .params = {S}, .call = b64dec},
    {.name = "b64enc", .params = {S}, .call = [](Arguments a) { return Value(base64_encode(str(a[0]))); }},
    {.name = "sha1sum",
     .params = {S},
     .call = [](Arguments a) { return Value(digest_hex(str(a[0]), EVP_sha1())); }},
    {.name = "sha256sum",
     .params = {S},
     .call = [](Arguments a) { return Value(digest_hex(str(a[0]), EVP_sha256())); }},
    {.name = "toJson", .params = {A}, .call = [](Arguments a) { return to_json_text(a, ""); }},
    {.name = "toPrettyJson", .params = {A}, .call = [](Arguments a) { return to_json_text(a, "  "); }},
};

}  // namespace

Table encodings() { return kTable; }

}  // namespace fencepost::tmpl::sprig
