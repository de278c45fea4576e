// spec.volumeClones of a RestoreAction: the volumes alone come back, as claims of new names beside the live
// ones. Nothing that is there is touched, and no blueprint runs. Pure; thread-safe.
#pragma once

#include <string>

#include "value/value.h"

namespace fencepost::protect {

[[nodiscard]] bool wants_clones(const Value& spec);
// A claim's manifest as its clone's. Its name comes of the action's uid, so that a later daemon finds the
// same one. Labels, annotations and owners stay behind: an operator would take it for one of its own.
[[nodiscard]] Value clone_of(const Value& claim, const std::string& uid);

}  // namespace fencepost::protect
