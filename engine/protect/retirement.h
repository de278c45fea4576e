// The end of a restore point: what its RestorePointContent stands for goes before the object does. The
// blueprint's `delete` runs for artifacts, copies of volumes and manifests are removed. Everything may be
// done twice. Blocking; any thread. Errors: kFailedPrecondition where a `delete` fails; what the cluster
// throws.
#pragma once

#include <string>

#include "protect/child_action.h"

namespace fencepost::protect {

// The action `delete` of a blueprint: its subject is the controller's namespace, as the application may be
// gone.
[[nodiscard]] ChildAction deletion(const run::World& world, std::string name, std::string parent,
                                   std::string blueprint, const Value& profile, const Value& artifacts);

// REQUIRES: the content has our finalizer. When it returns that is gone.
void retire(run::World& world, const Value& content, const Tokens& tokens);

}  // namespace fencepost::protect
