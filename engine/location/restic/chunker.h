// Content-defined chunks, cut where restic cuts them: a Rabin fingerprint over a window of 64 bytes, modulo
// the repository's irreducible polynomial; a chunk ends where its low 20 bits are zero, and has 512 KiB to 8
// MiB.
//
// The fingerprint depends on the last 64 bytes alone, so four places are looked at side by side: one chain of
// table lookups waits for memory most of the time. Pure; a Chunker is immutable and may be shared.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fencepost::location::restic {

using Polynomial = std::uint64_t;  // bit i: the coefficient of x^i

[[nodiscard]] bool is_irreducible(Polynomial polynomial) noexcept;
[[nodiscard]] Polynomial random_polynomial();  // irreducible, degree 53

class Chunker {
  public:
    static constexpr std::size_t kMinBytes = std::size_t{512} << 10U;
    static constexpr std::size_t kMaxBytes = std::size_t{8} << 20U;
    static constexpr std::size_t kWindow = 64;
    static constexpr std::uint64_t kSplitMask = (1U << 20U) - 1;

    // REQUIRES: irreducible, degree 9 to 53.
    explicit Chunker(Polynomial polynomial);

    // `chunk` holds all bytes of the chunk that came so far; an earlier call has looked at the first `seen`
    // of them. Returns the chunk's length, or 0: it does not end within `size`.
    [[nodiscard]] std::size_t find_end(const char* chunk, std::size_t size, std::size_t seen) const noexcept;

  private:
    [[nodiscard]] std::uint64_t slide_in(std::uint64_t digest, unsigned char byte) const noexcept {
        return ((digest << 8U) | byte) ^ reduce_[digest >> shift_];
    }
    [[nodiscard]] std::uint64_t digest_before(const unsigned char* end) const noexcept;
    [[nodiscard]] std::size_t scan_one(const unsigned char* chunk, std::size_t from,
                                       std::size_t to) const noexcept;
    [[nodiscard]] bool scan_four(const unsigned char* chunk, std::size_t from) const noexcept;

    unsigned shift_;
    std::array<std::uint64_t, 256> out_{};
    std::array<std::uint64_t, 256> reduce_{};
};

}  // namespace fencepost::location::restic
