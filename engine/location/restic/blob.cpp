#include "location/restic/blob.h"

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::location::restic {

std::string to_hex(const Digest& digest) { return hex_encode(as_text(digest)); }

bool is_id(std::string_view hex) noexcept {
    return hex.size() == 64 && hex.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Digest parse_id(std::string_view hex) {
    if (!is_id(hex)) {
        throw Error(ErrorKind::kDataLoss,
                    "'" + std::string(hex.substr(0, 70)) + "' is no id of 64 hexadecimal digits");
    }
    const auto nibble = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
    Digest digest{};
    for (std::size_t i = 0; i < digest.size(); ++i) {
        digest[i] = static_cast<unsigned char>(nibble(hex[2 * i]) << 4U | nibble(hex[2 * i + 1]));
    }
    return digest;
}

}  // namespace fencepost::location::restic
