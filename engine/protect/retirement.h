// The end of a restore point: what its RestorePointContent stands for goes before the object does. The
// blueprint's `delete` runs for artifacts, and the profile's repository is pruned; copies of volumes and
// manifests are removed; of an export its index in the location goes first, then all that lies there for it.
// The artifacts of a backup and of its exports are the same: they go with the last of these. Of an import
// nothing goes but the object: the data is the exporting installation's. Everything may be done twice.
// Blocking; any thread. Errors: kFailedPrecondition where a `delete` fails; what the cluster and the location
// throw.
#pragma once

#include <string>

#include "protect/child_action.h"

namespace fencepost::protect {

// The action `delete` of a blueprint: its subject is the controller's namespace, as the application may be
// gone.
[[nodiscard]] ChildAction deletion(const run::World& world, std::string name, std::string parent,
                                   std::string blueprint, const Value& profile, const Value& artifacts);

// REQUIRES: the content has our finalizer, and no other content of the same backup is retired meanwhile. When
// it returns that is gone.
void retire(run::World& world, const Value& content, const Tokens& tokens);

}  // namespace fencepost::protect
