// An ActionSet as the REST API shows it: one flat action with its phases. Pure; thread-safe.
#pragma once

#include <string_view>

#include "value/value.h"

namespace fencepost::api {

// {id, action, state, subject, blueprint, bindingReason, phases[], artifacts, error, createdAt, endedAt,
// progress ...}
[[nodiscard]] Value action_view(const Value& action_set);
[[nodiscard]] bool is_terminal(std::string_view state) noexcept;

}  // namespace fencepost::api
