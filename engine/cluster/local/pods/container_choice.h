// Which container of a Pod an exec or a log request means, and the errors where it means none. Pure;
// thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "value/value.h"

namespace fencepost::cluster::local {

// `name` "" is the pod's default-container annotation or its only container. Init containers only by name,
// and only where they are allowed. Throws Error{kInvalid} with the names that there are.
[[nodiscard]] std::string choose_container(const Value& pod, std::string_view name, bool allows_init);

}  // namespace fencepost::cluster::local
