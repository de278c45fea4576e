#include "base/signature.h"

#include <openssl/evp.h>

#include <memory>

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost {
namespace {

constexpr std::size_t kKeyBytes = 32, kSignatureBytes = 64;

struct Free {
    void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

Key private_key(const Secret& seed) {
    const std::string& raw = seed.reveal();
    Key key(raw.size() == kKeyBytes
                ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, bytes_of(raw), raw.size())
                : nullptr);
    if (!key)
        throw Error(ErrorKind::kInvalid,
                    "this is no Ed25519 key: it has " + std::to_string(raw.size()) + " bytes, not 32");
    return key;
}

}  // namespace

Secret random_signing_seed() { return Secret(random_bytes(kKeyBytes)); }

std::string public_key_of(const Secret& seed) {
    const Key key = private_key(seed);
    std::string raw(kKeyBytes, '\0');
    std::size_t size = raw.size();
    if (EVP_PKEY_get_raw_public_key(key.get(), bytes_of(raw), &size) != 1)
        throw Error(ErrorKind::kInternal, "OpenSSL gives no public key");
    return raw;
}

std::string sign(const Secret& seed, std::string_view bytes) {
    const Key key = private_key(seed);
    const Context context(EVP_MD_CTX_new());
    std::string signature(kSignatureBytes, '\0');
    std::size_t size = signature.size();
    if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
        EVP_DigestSign(context.get(), bytes_of(signature), &size, bytes_of(bytes), bytes.size()) != 1)
        throw Error(ErrorKind::kInternal, "OpenSSL cannot sign");
    return signature;
}

bool is_signature_of(std::string_view public_key, std::string_view bytes, std::string_view signature) {
    if (public_key.size() != kKeyBytes || signature.size() != kSignatureBytes) return false;
    const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(public_key), kKeyBytes));
    const Context context(EVP_MD_CTX_new());
    return key && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
           EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(bytes),
                            bytes.size()) == 1;
}

}  // namespace fencepost
