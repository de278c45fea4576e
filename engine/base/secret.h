// A string that cannot be printed by accident: it has no stream operator and no implicit conversion; text()
// says
// "***". reveal() is the one way to the bytes, easy to grep for. The bytes are wiped when it is destroyed.
#pragma once

#include <string>
#include <string_view>

namespace fencepost {

class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string value);
    Secret(const Secret&) = default;
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret other) noexcept;
    ~Secret();

    [[nodiscard]] const std::string& reveal() const noexcept { return value_; }
    [[nodiscard]] bool is_empty() const noexcept { return value_.empty(); }
    [[nodiscard]] static std::string_view text() noexcept { return "***"; }

  private:
    std::string value_;
};

}  // namespace fencepost
