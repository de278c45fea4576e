// Server-side apply and who owns which field. An object that nobody has applied carries no managedFields:
// what it costs is paid by those who use it. The first apply takes all that is there as the work of one
// manager, "before-first-apply", as an API server does with objects from before its time. Pure; thread-safe.
// Errors: Error{kConflict} that names the managers and the fields, kInvalid.
#pragma once

#include <string>

#include "base/clock.h"
#include "cluster/cluster.h"

namespace fencepost::cluster::local {

struct Manager {
    std::string name;
    std::string subresource;
};

// What becomes of `live` (nil where there is none) when the manager applies `applied`, with its
// managedFields.
[[nodiscard]] Value apply_object(const ResourceType& type, const Value& live, const Value& applied,
                                 const Manager& manager, bool is_forced, SystemTime now);

// The managedFields of `after`, which another kind of write made out of `before`; nil where nobody has
// applied.
[[nodiscard]] Value managed_fields_after(const ResourceType& type, const Value& before, const Value& after,
                                         const Manager& manager, SystemTime now);

}  // namespace fencepost::cluster::local
