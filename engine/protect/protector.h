// Protector: watches BackupActions, RestoreActions, ExportActions, ImportActions and RunActions and runs
// them, one at a time for an application or policy, in the order in which they came (exports and imports in
// lines of their own); what an earlier daemon had begun goes on. Policies are scheduled, and object locks
// kept. spec.cancel: true, a CancelAction, or deleting the object cancels. Beside it, it keeps RestorePoints
// bound to their contents, and retires contents that are deleted. Works from construction to destruction, on
// threads of its own; what runs then is left for the next daemon. REQUIRES: an Engine runs ActionSets of the
// same world, for longer than this.
#pragma once

#include <memory>

#include "run/function.h"

namespace fencepost::protect {

class Protector {
  public:
    explicit Protector(run::World& world);
    Protector(const Protector&) = delete;
    Protector& operator=(const Protector&) = delete;
    ~Protector();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace fencepost::protect
