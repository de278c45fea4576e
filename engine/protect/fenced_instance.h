// One instance of a database's Cluster, of all that it has: the one that backupPrehook fences. The others go
// on, so copies of their volumes would be of other moments, and restored together with its they are no
// database. EDB's backup adapter labels them so that a filter leaves them out; CloudNativePG has no such
// thing, and which instance it is stands only once the prehook has run. Thread-safe but for the status, as
// that is.
#pragma once

#include <string>

#include "protect/action_status.h"

namespace fencepost::protect {

// Has the Blueprint's backupPrehook a phase that fences?
[[nodiscard]] bool is_fencing(const Value& blueprint);

// The instance of the Cluster of that name which the claim is of, as the operators of CloudNativePG and of
// EDB label it; "" where it is of none.
[[nodiscard]] std::string instance_of(const Value& claim, const std::string& cluster);

// The claims of the plan's resource that are to be copied, now that its backupPrehook has left these `phases`
// ([{name, output}]). Those of instances that are not fenced go from the plan to what it has skipped
// (staged); all stay where the prehook fenced nothing, as with a hibernated Cluster. Throws
// kFailedPrecondition where no claim of the fenced instance is in the plan.
[[nodiscard]] Value keep_fenced(ActionStatus& status, const Value& resource, const Value& phases);

}  // namespace fencepost::protect
