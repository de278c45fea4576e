// Certificates of our own for servers on this host: a certificate authority that signs one server and is then
// forgotten. For clients that insist on TLS where the daemon can hand them the authority's certificate.
// Thread-safe. Errors: Error{kInternal} where OpenSSL fails.
#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"

namespace fencepost::net {

struct Certificates {
    std::string authority_pem;
    std::string certificate_pem;
    std::string key_pem;
};

// For 127.0.0.1, ::1 and localhost, good from a day before `now` for `validity`.
[[nodiscard]] Certificates make_loopback_certificates(SystemTime now, std::chrono::hours validity);

// When a certificate ends. Throws Error{kInvalid} for what is none.
[[nodiscard]] SystemTime certificate_end(const std::string& certificate_pem);

}  // namespace fencepost::net
