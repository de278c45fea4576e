// Access: who sends a request, and what that one may do in which namespace. Roles contain one another: an
// operator may do all that a viewer may, an admin all that an operator may. A grant for the namespace "*"
// holds in every namespace and for what is in none. An immutable value; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fencepost::api {

enum class Role : std::uint8_t { kNone, kViewer, kOperator, kAdmin };
[[nodiscard]] std::string_view to_string(Role role) noexcept;
[[nodiscard]] std::optional<Role> role_of(std::string_view name) noexcept;

inline constexpr const char* kEveryNamespace = "*";

struct Grant {
    std::string ns;
    Role role = Role::kNone;
};

class Access {
  public:
    Access(std::string name, std::vector<Grant> grants)
        : name_(std::move(name)), grants_(std::move(grants)) {}
    // Where there is no authentication: whoever reaches a loopback address.
    [[nodiscard]] static Access unrestricted(std::string name) {
        return {std::move(name), {{kEveryNamespace, Role::kAdmin}}};
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    // "" is what belongs to no namespace: only grants for "*" count.
    [[nodiscard]] bool may(Role role, std::string_view ns) const noexcept;
    [[nodiscard]] bool may_anywhere(Role role) const noexcept;
    // Throws Problem 403 that names the role and the place.
    void require(Role role, std::string_view ns) const;

  private:
    std::string name_;
    std::vector<Grant> grants_;
};

}  // namespace fencepost::api
