#include "location/restic/chunker.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/encodings.h"

namespace fencepost::location::restic {
namespace {

constexpr int kDegree = 53;
constexpr std::size_t kLanes = 4;
constexpr std::size_t kLaneBytes = 2048;
constexpr std::size_t kBlock = kLanes * kLaneBytes;

int degree(Polynomial polynomial) noexcept { return 63 - std::countl_zero(polynomial); }

Polynomial remainder(Polynomial value, Polynomial by) noexcept {
    const int degree_by = degree(by);
    while (value != 0 && degree(value) >= degree_by) value ^= by << (degree(value) - degree_by);
    return value;
}

// REQUIRES: a and b reduced, degree of `by` at most 62.
Polynomial multiply(Polynomial a, Polynomial b, Polynomial by) noexcept {
    const Polynomial top = Polynomial{1} << degree(by);
    Polynomial product = 0;
    for (; b != 0; b >>= 1U) {
        if ((b & 1U) != 0) product ^= a;
        a <<= 1U;
        if ((a & top) != 0) a ^= by;
    }
    return product;
}

Polynomial common_divisor(Polynomial a, Polynomial b) noexcept {
    while (b != 0) {
        const Polynomial rest = remainder(a, b);
        a = b;
        b = rest;
    }
    return a;
}

}  // namespace

// Ben-Or's test: an irreducible factor of degree i divides x^(2^i) - x.
bool is_irreducible(Polynomial polynomial) noexcept {
    if (polynomial < 2 || degree(polynomial) > 62) return false;
    Polynomial power = remainder(2, polynomial);  // x^(2^i)
    for (int i = 1; i <= degree(polynomial) / 2; ++i) {
        power = multiply(power, power, polynomial);
        if (common_divisor(polynomial, power ^ remainder(2, polynomial)) != 1) return false;
    }
    return true;
}

Polynomial random_polynomial() {
    while (true) {
        Polynomial candidate = 0;
        std::memcpy(&candidate, random_bytes(sizeof candidate).data(), sizeof candidate);
        candidate &= (Polynomial{1} << kDegree) - 1;
        candidate |= (Polynomial{1} << kDegree) | 1U;
        if (is_irreducible(candidate)) return candidate;
    }
}

Chunker::Chunker(Polynomial polynomial) : shift_(static_cast<unsigned>(degree(polynomial) - 8)) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
        const Polynomial top = Polynomial{byte} << (shift_ + 8);
        // One XOR takes the 8 bits above the degree away and adds what they are worth.
        reduce_[byte] = remainder(top, polynomial) | top;
        // What a byte is worth that entered the window 64 bytes ago, just before it leaves.
        Polynomial leaving = remainder(byte, polynomial);
        for (std::size_t i = 0; i + 1 < kWindow; ++i) leaving = remainder(leaving << 8U, polynomial);
        out_[byte] = leaving;
    }
}

std::uint64_t Chunker::digest_before(const unsigned char* end) const noexcept {
    std::uint64_t digest = 0;
    for (std::size_t i = kWindow; i > 0; --i) digest = slide_in(digest, *(end - i));
    return digest;
}

// The first end in [from, to], 0 where there is none.
std::size_t Chunker::scan_one(const unsigned char* chunk, std::size_t from, std::size_t to) const noexcept {
    std::uint64_t digest = digest_before(chunk + from);
    for (std::size_t end = from;; ++end) {
        if ((digest & kSplitMask) == 0) return end;
        if (end == to) return 0;
        digest = slide_in(digest ^ out_[chunk[end - kWindow]], chunk[end]);
    }
}

// Whether the kBlock ends from `from` on hold one.
bool Chunker::scan_four(const unsigned char* chunk, std::size_t from) const noexcept {
    const unsigned char* lane0 = chunk + from;
    const unsigned char* lane1 = lane0 + kLaneBytes;
    const unsigned char* lane2 = lane1 + kLaneBytes;
    const unsigned char* lane3 = lane2 + kLaneBytes;
    std::uint64_t digest0 = digest_before(lane0);
    std::uint64_t digest1 = digest_before(lane1);
    std::uint64_t digest2 = digest_before(lane2);
    std::uint64_t digest3 = digest_before(lane3);
    const auto step = [this](std::uint64_t digest, const unsigned char* at) {
        return slide_in(digest ^ out_[*(at - kWindow)], *at);
    };
    for (std::size_t i = 0; i < kLaneBytes; ++i) {
        const bool none = (digest0 & kSplitMask) != 0 && (digest1 & kSplitMask) != 0 &&
                          (digest2 & kSplitMask) != 0 && (digest3 & kSplitMask) != 0;
        if (!none) [[unlikely]] {
            return true;
        }
        digest0 = step(digest0, lane0 + i);
        digest1 = step(digest1, lane1 + i);
        digest2 = step(digest2, lane2 + i);
        digest3 = step(digest3, lane3 + i);
    }
    return false;
}

std::size_t Chunker::find_end(const char* chunk, std::size_t size, std::size_t seen) const noexcept {
    const auto* bytes = reinterpret_cast<const unsigned char*>(chunk);
    std::size_t from = std::max(kMinBytes, seen + 1);
    const std::size_t to = std::min(kMaxBytes, size);
    // The last step of a block reads the byte behind its last end but one.
    for (; from + kBlock <= to; from += kBlock) {
        if (scan_four(bytes, from)) return scan_one(bytes, from, from + kBlock - 1);
    }
    if (from <= to) {
        if (const std::size_t end = scan_one(bytes, from, to); end != 0) return end;
    }
    return size >= kMaxBytes ? kMaxBytes : 0;
}

}  // namespace fencepost::location::restic
