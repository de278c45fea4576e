// Functions that old blueprints name and Kanister has no more: since 0.115 it snapshots no cloud disks by
// itself. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace fencepost::model {

// What to do instead of calling it; "" for any other name.
[[nodiscard]] std::string instead_of(std::string_view function);

}  // namespace fencepost::model
