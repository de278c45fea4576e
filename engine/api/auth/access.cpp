#include "api/auth/access.h"

#include <algorithm>
#include <array>

#include "api/problem.h"

namespace fencepost::api {
namespace {

constexpr std::array<std::string_view, 4> kNames{"none", "viewer", "operator", "admin"};

}  // namespace

std::string_view to_string(Role role) noexcept { return kNames.at(static_cast<std::size_t>(role)); }

std::optional<Role> role_of(std::string_view name) noexcept {
    for (std::size_t i = 1; i < kNames.size(); ++i) {
        if (kNames.at(i) == name) return static_cast<Role>(i);
    }
    return std::nullopt;
}

bool Access::may(Role role, std::string_view ns) const noexcept {
    return std::any_of(grants_.begin(), grants_.end(), [&](const Grant& grant) {
        return grant.role >= role && (grant.ns == kEveryNamespace || (!ns.empty() && grant.ns == ns));
    });
}

bool Access::may_anywhere(Role role) const noexcept {
    return std::any_of(grants_.begin(), grants_.end(),
                       [&](const Grant& grant) { return grant.role >= role; });
}

void Access::require(Role role, std::string_view ns) const {
    if (may(role, ns)) return;
    throw Problem(403,
                  name_ + " is no " + std::string(to_string(role)) +
                      (ns.empty() ? " of every namespace" : " of the namespace " + std::string(ns)),
                  "an admin gives roles with: fencepost token create NAME --role ROLE -n NAMESPACE");
}

}  // namespace fencepost::api
