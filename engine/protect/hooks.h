// The hooks of a whole action (spec.hooks): actions of blueprints in the controller's namespace, whose
// subject is the application's namespace. What preHook leaves as artifacts, onSuccess and onFailure take.
// Blocking; any thread.
#pragma once

#include <string>

#include "protect/action_status.h"
#include "protect/child_action.h"

namespace fencepost::protect {

class Hooks {
  public:
    Hooks(run::World& world, ActionStatus& status, Tokens tokens);
    // Each throws where the hook fails; nothing where there is none.
    void before();
    void on_success();
    void on_failure();
    // preHook quiesces and onSuccess undoes it: then that is not to wait for anything but the point in time.
    [[nodiscard]] bool are_a_fence() const;

  private:
    void call(const char* hook, const Tokens& tokens);

    run::World& world_;
    ActionStatus& status_;
    const Tokens tokens_;
};

// The name of the ActionSet of a step: the parent's, and what tells steps apart.
[[nodiscard]] std::string child_name(const ActionStatus& status, const std::string& step);
// Runs it as a step of the action, which the status tells of once it is under way.
[[nodiscard]] ChildEnd run_step(run::World& world, ActionStatus& status, const std::string& step,
                                const ChildAction& child, const Tokens& tokens);

}  // namespace fencepost::protect
