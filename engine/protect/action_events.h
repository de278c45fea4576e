// Kubernetes Events about protect's actions, for `kubectl describe`: that one has started, and how it has
// ended. Whoever keeps an action calls these, once each. As all Events they are best effort. Thread-safe.
#pragma once

#include "run/events.h"

namespace fencepost::protect {

void tell_start(run::Events& events, const Value& action);
// REQUIRES: the action is terminal. Its state is the reason.
void tell_end(run::Events& events, const Value& action);

}  // namespace fencepost::protect
