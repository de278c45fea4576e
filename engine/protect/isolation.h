// How a restore that is only a look stays away from what is live. Pure; thread-safe.
#pragma once

#include "value/value.h"

namespace fencepost::protect {

// filters.includeResources where nobody has said any: data, settings, and what blueprints govern. What runs
// otherwise is left out: a second copy of an application would work on the outside world, and on the live
// database, as the first one does.
[[nodiscard]] Value data_and_settings(const Value& content);

// spec.transforms that come before everybody else's: nothing that is restored is to be reached from outside,
// or to write into the live cluster's WAL archive.
[[nodiscard]] Value isolation();

}  // namespace fencepost::protect
