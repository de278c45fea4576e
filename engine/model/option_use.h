// Which options of an action its templates read: by that a blueprint says what it knows of. Pure;
// thread-safe.
#pragma once

#include <string_view>

#include "value/value.h"

namespace fencepost::model {

// Does any template of the action take .Options.`option`, by whatever means? Nil takes nothing.
[[nodiscard]] bool takes_option(const Value& action, std::string_view option);

}  // namespace fencepost::model
