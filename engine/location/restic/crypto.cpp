#include "location/restic/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <bit>
#include <cstring>

#include "base/error.h"

namespace fencepost::location::restic {
namespace {

void require(bool good, const char* what) {
    if (!good) throw Error(ErrorKind::kInternal, std::string("OpenSSL: ") + what + " failed");
}

const unsigned char* bytes_of(std::string_view text) noexcept {
    return reinterpret_cast<const unsigned char*>(text.data());
}

struct CipherCloser {
    void operator()(EVP_CIPHER_CTX* context) const noexcept { EVP_CIPHER_CTX_free(context); }
};
struct MacCloser {
    void operator()(EVP_MAC* mac) const noexcept { EVP_MAC_free(mac); }
    void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};

}  // namespace

MasterKey::~MasterKey() { OPENSSL_cleanse(this, sizeof *this); }

MasterKey MasterKey::random() {
    MasterKey key;
    require(RAND_bytes(key.encrypt.data(), static_cast<int>(key.encrypt.size())) == 1, "RAND_bytes");
    require(RAND_bytes(key.mac_k.data(), static_cast<int>(key.mac_k.size())) == 1, "RAND_bytes");
    require(RAND_bytes(key.mac_r.data(), static_cast<int>(key.mac_r.size())) == 1, "RAND_bytes");
    return key;
}

struct Cipher::Impl {
    MasterKey key;
    std::unique_ptr<EVP_CIPHER_CTX, CipherCloser> ctr{EVP_CIPHER_CTX_new()};
    std::unique_ptr<EVP_CIPHER_CTX, CipherCloser> block{EVP_CIPHER_CTX_new()};
    std::unique_ptr<EVP_MAC, MacCloser> mac{EVP_MAC_fetch(nullptr, "POLY1305", nullptr)};
    std::unique_ptr<EVP_MAC_CTX, MacCloser> mac_context;

    explicit Impl(const MasterKey& of) : key(of) {
        require(ctr && block && mac, "setting up");
        mac_context.reset(EVP_MAC_CTX_new(mac.get()));
        require(mac_context != nullptr, "EVP_MAC_CTX_new");
        require(EVP_EncryptInit_ex(ctr.get(), EVP_aes_256_ctr(), nullptr, key.encrypt.data(), nullptr) == 1,
                "AES-256");
        require(EVP_EncryptInit_ex(block.get(), EVP_aes_128_ecb(), nullptr, key.mac_k.data(), nullptr) == 1,
                "AES-128");
    }

    void crypt(const unsigned char* iv, const unsigned char* in, std::size_t size, unsigned char* out) const {
        require(EVP_EncryptInit_ex(ctr.get(), nullptr, nullptr, nullptr, iv) == 1, "AES-256-CTR");
        constexpr std::size_t kMost = std::size_t{1} << 30U;  // EVP counts in int
        for (std::size_t done = 0; done < size;) {
            const int piece = static_cast<int>(std::min(size - done, kMost));
            int written = 0;
            require(
                EVP_EncryptUpdate(ctr.get(), out + done, &written, in + done, piece) == 1 && written == piece,
                "AES-256-CTR");
            done += static_cast<std::size_t>(piece);
        }
    }

    // Poly1305-AES: the one-time key is r || AES-128_k(nonce).
    void authenticate(const unsigned char* iv, const unsigned char* text, std::size_t size,
                      unsigned char* out) const {
        std::array<unsigned char, 32> once{};
        std::memcpy(once.data(), key.mac_r.data(), 16);
        int written = 0;
        require(EVP_EncryptUpdate(block.get(), once.data() + 16, &written, iv, 16) == 1 && written == 16,
                "AES-128");
        std::size_t length = 0;
        const bool good = EVP_MAC_init(mac_context.get(), once.data(), once.size(), nullptr) == 1 &&
                          EVP_MAC_update(mac_context.get(), text, size) == 1 &&
                          EVP_MAC_final(mac_context.get(), out, &length, kMacBytes) == 1 &&
                          length == kMacBytes;
        OPENSSL_cleanse(once.data(), once.size());
        require(good, "Poly1305");
    }
};

Cipher::Cipher(const MasterKey& key) : impl_(std::make_unique<Impl>(key)) {}
Cipher::Cipher(Cipher&&) noexcept = default;
Cipher::~Cipher() = default;

void Cipher::seal(std::string_view plain, char* out) {
    auto* iv = reinterpret_cast<unsigned char*>(out);
    require(RAND_bytes(iv, kIvBytes) == 1, "RAND_bytes");
    unsigned char* text = iv + kIvBytes;
    impl_->crypt(iv, bytes_of(plain), plain.size(), text);
    impl_->authenticate(iv, text, plain.size(), text + plain.size());
}

std::string Cipher::seal(std::string_view plain) {
    std::string sealed(plain.size() + kSealBytes, '\0');
    seal(plain, sealed.data());
    return sealed;
}

std::string Cipher::open(std::string_view sealed) {
    if (sealed.size() < kSealBytes) {
        throw Error(ErrorKind::kDataLoss,
                    "an encrypted text of " + std::to_string(sealed.size()) + " bytes is too short");
    }
    const std::size_t size = sealed.size() - kSealBytes;
    const unsigned char* iv = bytes_of(sealed);
    std::array<unsigned char, kMacBytes> mac{};
    impl_->authenticate(iv, iv + kIvBytes, size, mac.data());
    if (CRYPTO_memcmp(mac.data(), iv + kIvBytes + size, kMacBytes) != 0) {
        throw Error(ErrorKind::kDataLoss, "an encrypted text does not verify");
    }
    std::string plain(size, '\0');
    impl_->crypt(iv, iv + kIvBytes, size, reinterpret_cast<unsigned char*>(plain.data()));
    return plain;
}

MasterKey derive_key(const Secret& password, std::string_view salt, const ScryptCost& cost) {
    const bool valid = std::has_single_bit(cost.n) && cost.n > 1 && cost.r > 0 && cost.p > 0 &&
                       cost.r < 1024 && cost.p < 1024 && cost.n < (std::uint64_t{1} << 40U);
    if (!valid) throw Error(ErrorKind::kInvalid, "the key's scrypt parameters are invalid");
    const std::uint64_t memory = 128 * cost.r * (cost.n + cost.p + 2) + 1024;
    if (memory > kMaxScryptMemory) {
        throw Error(ErrorKind::kTooLarge, "the key's scrypt parameters need more than 1 GiB of memory");
    }
    std::array<unsigned char, 64> derived{};
    require(EVP_PBE_scrypt(password.reveal().data(), password.reveal().size(), bytes_of(salt), salt.size(),
                           cost.n, cost.r, cost.p, memory, derived.data(), derived.size()) == 1,
            "scrypt");
    MasterKey key;
    std::memcpy(key.encrypt.data(), derived.data(), 32);
    std::memcpy(key.mac_k.data(), derived.data() + 32, 16);
    std::memcpy(key.mac_r.data(), derived.data() + 48, 16);
    OPENSSL_cleanse(derived.data(), derived.size());
    return key;
}

}  // namespace fencepost::location::restic
