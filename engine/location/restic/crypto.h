// restic's cryptography: AES-256 in counter mode with Poly1305-AES over the ciphertext, and scrypt for
// passwords. A sealed text is IV (16 bytes) || ciphertext || MAC (16 bytes). Thread safety: a Cipher is used
// by one thread at a time; each thread makes its own. Errors: kDataLoss where a MAC does not match.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace fencepost::location::restic {

inline constexpr std::size_t kIvBytes = 16;
inline constexpr std::size_t kMacBytes = 16;
inline constexpr std::size_t kSealBytes = kIvBytes + kMacBytes;  // what sealing adds

// Wiped when it is destroyed.
struct MasterKey {
    std::array<unsigned char, 32> encrypt{};
    std::array<unsigned char, 16> mac_k{};
    std::array<unsigned char, 16> mac_r{};

    MasterKey() = default;
    MasterKey(const MasterKey&) = default;
    MasterKey& operator=(const MasterKey&) = default;
    ~MasterKey();
    [[nodiscard]] static MasterKey random();
};

class Cipher {
  public:
    explicit Cipher(const MasterKey& key);
    Cipher(Cipher&&) noexcept;
    ~Cipher();

    // Writes plain.size() + kSealBytes bytes. In place where `plain` begins at out + kIvBytes.
    void seal(std::string_view plain, char* out);
    [[nodiscard]] std::string seal(std::string_view plain);
    [[nodiscard]] std::string open(std::string_view sealed);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

struct ScryptCost {
    std::uint64_t n = 0;
    std::uint64_t r = 0;
    std::uint64_t p = 0;
};
// Throws kInvalid for parameters that scrypt does not have, kTooLarge where they need more than
// kMaxScryptMemory.
inline constexpr std::uint64_t kMaxScryptMemory = std::uint64_t{1} << 30U;
[[nodiscard]] MasterKey derive_key(const Secret& password, std::string_view salt, const ScryptCost& cost);

}  // namespace fencepost::location::restic
