// The explicit list of functions: nothing registers itself. Thread-safe.
#pragma once

#include "run/function.h"

namespace fencepost::functions {

[[nodiscard]] run::Catalog catalog();

}  // namespace fencepost::functions
