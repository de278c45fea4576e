// What a restore of an imported restore point would miss here: the data in the location, the kinds of its
// objects, storage classes, what its blueprints' phases take from Secrets and ConfigMaps, and the artifacts
// that blueprints have left elsewhere. Looks, and changes nothing. Blocking; any thread. Errors: what the
// cluster throws; a location that does not answer is a finding.
#pragma once

#include "run/function.h"

namespace fencepost::protect {

// {ready, checks: [{check, name, state, message?}]}: state is Ready, Missing (a restore fails for it) or
// Warning (it may). REQUIRES: the content was exported or imported, and its signature is good.
[[nodiscard]] Value readiness_of(run::World& world, const Value& content, const CancelToken& cancel);

}  // namespace fencepost::protect
