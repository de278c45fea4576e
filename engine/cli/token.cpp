#include <algorithm>

#include "api/auth/identities.h"
#include "base/encodings.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {

int create_token(const TokenOptions& options) {
    api::Identity identity;
    identity.name = options.name;
    identity.created_at = format_rfc3339(SystemClock().now());
    for (const std::string& ns : options.namespaces)
        identity.grants.push_back({ns, *api::role_of(options.role)});
    if (options.namespaces.empty())
        identity.grants.push_back({api::kEveryNamespace, *api::role_of(options.role)});
    const std::string token = options.is_certificate ? "" : api::make_token();
    if (!token.empty()) api::set_token(identity, token);
    api::update_identities(options.file, [&](std::vector<api::Identity>& identities) {
        const auto is_it = [&](const api::Identity& other) { return other.name == options.name; };
        if (std::any_of(identities.begin(), identities.end(), is_it)) {
            throw Error(ErrorKind::kAlreadyExists, "'" + options.name + "' has a role already",
                        "fencepost token revoke " + options.name + " takes it away");
        }
        identities.push_back(std::move(identity));
    });
    if (!token.empty()) print(token + "\n");
    return kDone;
}

int list_tokens(const TokenOptions& options) {
    std::vector<std::vector<std::string>> rows;
    for (const api::Identity& identity : api::read_identities(options.file)) {
        std::string grants;
        for (const api::Grant& grant : identity.grants)
            grants += (grants.empty() ? "" : ",") + std::string(to_string(grant.role)) + ":" + grant.ns;
        rows.push_back(
            {identity.name, grants, identity.hash.empty() ? "certificate" : "token", identity.created_at});
    }
    print(table({"NAME", "ROLES", "BY", "CREATED"}, rows));
    return kDone;
}

int revoke_token(const TokenOptions& options) {
    api::update_identities(options.file, [&](std::vector<api::Identity>& identities) {
        const auto revoked = std::erase_if(
            identities, [&](const api::Identity& identity) { return identity.name == options.name; });
        if (revoked == 0) {
            throw Error(ErrorKind::kNotFound, "'" + options.name + "' is not in " + options.file,
                        "fencepost token list shows who is");
        }
    });
    return kDone;
}

}  // namespace fencepost::cli
