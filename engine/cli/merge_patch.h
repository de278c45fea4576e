// The difference between manifests as a JSON merge patch. Pure; thread-safe.
#pragma once

#include "value/value.h"

namespace fencepost::cli {

// What turns `live` into what the manifest says: members of `wanted` that differ, and null for members that
// `last_applied` had and `wanted` has no more. Members that others added to `live` stay. nil where nothing
// differs.
[[nodiscard]] Value three_way_patch(const Value& last_applied, const Value& wanted, const Value& live);

}  // namespace fencepost::cli
