// One action of a blueprint as an ActionSet of its own, run by the engine: so hooks of an application have
// obligations, logs, adoption and retries as every other action has. Its name is derived by who starts it, so
// that a later daemon finds the same one. Blocking; any thread.
#pragma once

#include <string>

#include "protect/tokens.h"
#include "run/function.h"

namespace fencepost::protect {

inline constexpr const char* kParentLabel =
    "fencepost.io/parent";  // uid of the BackupAction, RestoreAction ...

// A name as a label's value: one that is too long for that (63 characters) is cut, and told apart by a
// digest.
[[nodiscard]] std::string label_value(const std::string& name);

struct ChildAction {
    std::string name;    // of the ActionSet
    std::string parent;  // uid
    std::string action, blueprint;
    Value object;     // as in ActionSet.spec.actions[].object
    Value profile;    // a reference, or nil; its namespace is the controller's where it names none
    Value artifacts;  // by name, or nil
    Value options{};  // for .Options, or nil
};

struct ChildEnd {
    std::string uid;
    bool is_complete = false;
    std::string error;
    Value artifacts;  // rendered, by name
    Value phases;     // [{name, output}] of those that left an output
};

// A namespace, as in ActionSet.spec.actions[].object.
[[nodiscard]] Value namespace_subject(const std::string& ns);

// Starts it, unless it was started already.
Value start_child(run::World& world, const ChildAction& child);
// Returns once it has ended. A user's wish to cancel is passed on to it, and it is waited for. Throws
// Cancelled{kShutdown}; kNotFound where somebody deletes it.
[[nodiscard]] ChildEnd wait_for_child(run::World& world, const Value& action_set, const Tokens& tokens);
[[nodiscard]] ChildEnd run_child(run::World& world, const ChildAction& child, const Tokens& tokens);

// False where it had quiesced something that has been undone since: past its deadline, because the daemon
// stopped, or by an operator. True where it never promised to undo anything.
[[nodiscard]] bool still_holds(run::World& world, const std::string& action_set_uid);
// Is there an ActionSet of that name, among those of blueprints?
[[nodiscard]] bool is_started(run::World& world, const std::string& name);

}  // namespace fencepost::protect
