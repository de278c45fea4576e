// What a policy with `verify: restore` could not verify, found out before the night: resources whose
// blueprint, as it is now, has no `verify`, or one whose restore would not stay beside the live database.
// Looks, and changes nothing. Blocking; any thread. Errors: what the cluster throws.
#pragma once

#include <string>
#include <vector>

#include "model/policy.h"
#include "run/function.h"

namespace fencepost::protect {

// One sentence for each, of every application that the policy selects now; none where it verifies nothing.
[[nodiscard]] std::vector<std::string> unverifiable(run::World& world, const model::Policy& policy);

}  // namespace fencepost::protect
