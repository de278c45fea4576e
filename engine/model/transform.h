// What may stand in spec.transforms of a RestoreAction, and of a TransformSet: items of {subject, name,
// json}, or, in a RestoreAction, {transformSetRef}. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "model/problem.h"
#include "value/value.h"

namespace fencepost::model {

enum class SetReferences : std::uint8_t { kAllowed, kRefused };

// What is wrong goes to `problems`. Nil is fine.
void check_transforms(const Value& transforms, const std::string& pointer, SetReferences references,
                      Problems& problems);

}  // namespace fencepost::model
