#include "location/checksum.h"

#include <openssl/evp.h>

#include <bit>
#include <cstring>
#include <new>

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::location {
namespace {

constexpr std::size_t kSlices = 8;
using Tables = std::array<std::array<std::uint32_t, 256>, kSlices>;

constexpr Tables make_tables() noexcept {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t value = byte;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1U) ^ ((value & 1U) != 0 ? 0xEDB88320U : 0U);
        tables[0][byte] = value;
    }
    for (std::size_t slice = 1; slice < kSlices; ++slice) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t before = tables[slice - 1][byte];
            tables[slice][byte] = (before >> 8U) ^ tables[0][before & 0xFFU];
        }
    }
    return tables;
}

constexpr Tables kTables = make_tables();

// Polynomials over GF(2) modulo CRC-32's, bit 31 is the coefficient of x^0.
constexpr std::uint32_t kOne = 0x80000000U;
constexpr std::uint32_t times_x(std::uint32_t a) noexcept {
    return (a >> 1U) ^ ((a & 1U) != 0 ? 0xEDB88320U : 0U);
}

constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b) noexcept {
    std::uint32_t product = 0;
    for (; a != 0; a <<= 1U, b = times_x(b)) {
        if ((a & kOne) != 0) product ^= b;
    }
    return product;
}

// x^(8 * bytes): what so many bytes behind them do to the bytes before.
constexpr std::uint32_t shift_of(std::uint64_t bytes) noexcept {
    std::uint32_t square = kOne;
    for (int i = 0; i < 8; ++i) square = times_x(square);
    std::uint32_t power = kOne;
    for (; bytes != 0; bytes >>= 1U, square = multiply(square, square)) {
        if ((bytes & 1U) != 0) power = multiply(power, square);
    }
    return power;
}

}  // namespace

std::string_view as_text(const Digest& digest) noexcept {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
    if (context_ == nullptr) throw std::bad_alloc();
    EVP_DigestInit_ex(context_, EVP_sha256(), nullptr);
}

Sha256::~Sha256() { EVP_MD_CTX_free(context_); }

void Sha256::update(std::string_view bytes) { EVP_DigestUpdate(context_, bytes.data(), bytes.size()); }

Digest Sha256::finish() {
    Digest digest{};
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context_, digest.data(), &size) != 1 || size != digest.size()) {
        throw Error(ErrorKind::kInternal, "SHA-256 failed");
    }
    EVP_DigestInit_ex(context_, EVP_sha256(), nullptr);
    return digest;
}

void Crc32::update(std::string_view bytes) noexcept {
    const auto* next = reinterpret_cast<const unsigned char*>(bytes.data());
    std::size_t left = bytes.size();
    std::uint32_t crc = state_;
    for (; left >= 8; left -= 8, next += 8) {
        std::uint32_t low = 0;
        std::uint32_t high = 0;
        std::memcpy(&low, next, 4);
        std::memcpy(&high, next + 4, 4);
        if constexpr (std::endian::native == std::endian::big) {
            low = __builtin_bswap32(low);
            high = __builtin_bswap32(high);
        }
        low ^= crc;
        crc = kTables[7][low & 0xFFU] ^ kTables[6][(low >> 8U) & 0xFFU] ^ kTables[5][(low >> 16U) & 0xFFU] ^
              kTables[4][low >> 24U] ^ kTables[3][high & 0xFFU] ^ kTables[2][(high >> 8U) & 0xFFU] ^
              kTables[1][(high >> 16U) & 0xFFU] ^ kTables[0][high >> 24U];
    }
    for (; left > 0; --left, ++next) crc = (crc >> 8U) ^ kTables[0][(crc ^ *next) & 0xFFU];
    state_ = crc;
}

void Crc32::append(const Crc32& next, std::uint64_t bytes) noexcept {
    state_ = ~(multiply(value(), shift_of(bytes)) ^ next.value());
}

std::string Crc32::base64() const {
    const std::uint32_t crc = value();
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>((crc >> shift) & 0xFFU);
    return base64_encode(bytes);
}

}  // namespace fencepost::location
