// TransformSets: transforms that several restores share, kept beside the controller and named by
// `transformSetRef` in spec.transforms. Blocking; any thread.
#pragma once

#include "run/function.h"

namespace fencepost::protect {

// The transforms, with what a TransformSet holds in place of each reference to it. `pointer` tells where they
// stand. Throws kInvalid for what is wrong with them or with a set, kNotFound where there is no such set, and
// what the cluster throws.
[[nodiscard]] Value resolved_transforms(run::World& world, const Value& transforms,
                                        const std::string& pointer);

}  // namespace fencepost::protect
