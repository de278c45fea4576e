// Tokens for tests of who may do what.
#pragma once

#include <filesystem>
#include <string>

#include "api/auth/identities.h"
#include "base/encodings.h"
#include "net/http_client.h"

namespace fencepost::api {

// A token file with one identity for each role that a test wants.
struct Tokens {
    Tokens() { write_identities(file, {}); }
    ~Tokens() { std::filesystem::remove(file); }
    std::string add(const std::string& name, Role role, const std::string& ns) {
        Identity identity{name, {{ns, role}}, {}, {}, "2026-11-21T06:00:00Z"};
        const std::string token = make_token();
        set_token(identity, token);
        update_identities(file, [&](auto& identities) { identities.push_back(identity); });
        return token;
    }
    std::filesystem::path file =
        std::filesystem::temp_directory_path() / ("fencepost-tokens-" + random_name_suffix(8));
};

inline net::Headers bearer(const std::string& token) { return {{"Authorization", "Bearer " + token}}; }

}  // namespace fencepost::api
