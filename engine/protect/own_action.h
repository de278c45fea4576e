// Actions of Fencepost's own that another one has started: a policy's run its backups, exports and
// verifications, a verification its restore. Blocking; any thread. Errors: kNotFound where somebody has
// deleted the action; what the cluster throws.
#pragma once

#include "base/cancel.h"
#include "run/function.h"

namespace fencepost::protect {

// The action once it is terminal. Throws Cancelled when the token fires; the action goes on.
[[nodiscard]] Value end_of_action(run::World& world, const cluster::ObjectKey& key,
                                  const CancelToken& cancel);
// One that is gone is no error.
void ask_to_cancel(run::World& world, const cluster::ObjectKey& key);

}  // namespace fencepost::protect
