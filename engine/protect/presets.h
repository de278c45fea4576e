// Policies as their PolicyPresets make them. Blocking; any thread. Errors: kFailedPrecondition for a preset
// that is not there, kInvalid for one that cannot be read or does not fit; what the cluster throws.
#pragma once

#include "run/function.h"

namespace fencepost::protect {

// The policy itself where it names no preset, or where it is wrong by itself.
[[nodiscard]] Value as_preset(run::World& world, const Value& policy);

// Keeps status.validation, error, type and hash of all presets true.
void look_at_presets(run::World& world);

// As `status` of a Policy or a PolicyPreset: patches those members that are not so yet.
void tell(run::World& world, const cluster::ObjectKey& key, const Value& status, const Value& told);

}  // namespace fencepost::protect
