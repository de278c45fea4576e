// spec.pointInTime of a RestoreAction: a moment after the restore point, for databases whose log reaches from
// the one to the other. It is passed to the blueprints that say that they know of it, by reading
// `.Options.pointInTime` in an action of their restore; whatever else is restored is as it was backed up.
// Pure; thread-safe.
#pragma once

#include <string>

#include "base/clock.h"
#include "value/value.h"

namespace fencepost::protect {

inline constexpr const char* kPointInTime = "pointInTime";  // the option

// What stands in spec, as blueprints get it: RFC 3339 in UTC. "" where nothing does. Throws kInvalid for what
// is no time, is not after the restore point, or is still to come.
[[nodiscard]] std::string point_in_time(const Value& spec, const Value& content, SystemTime now);
// Do the blueprint's actions, a map by name, know of one?
[[nodiscard]] bool knows_point_in_time(const Value& actions);

}  // namespace fencepost::protect
