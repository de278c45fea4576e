// JSON Patch (RFC 6902): add, remove, replace, move, copy, test over JSON pointers. Pure; thread-safe.
// Errors: Error{kInvalid} that names the operation; a failed test is kInvalid too.
#pragma once

#include "value/value.h"

namespace fencepost::cluster {

[[nodiscard]] Value json_patch(Value target, const Value& operations);

}  // namespace fencepost::cluster
