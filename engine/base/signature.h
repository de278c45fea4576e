// Ed25519 signatures (RFC 8032). Keys and signatures are raw bytes: seed and public key 32, signature 64.
// Pure; thread-safe. Errors: kInvalid for a key of another length.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.h"

namespace fencepost {

[[nodiscard]] Secret random_signing_seed();
[[nodiscard]] std::string public_key_of(const Secret& seed);
[[nodiscard]] std::string sign(const Secret& seed, std::string_view bytes);
[[nodiscard]] bool is_signature_of(std::string_view public_key, std::string_view bytes,
                                   std::string_view signature);

}  // namespace fencepost
