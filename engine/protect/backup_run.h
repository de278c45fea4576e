// BackupRun: one BackupAction from its first sight to its end, on the calling thread:
//
//   preHook; discovery, manifests and the plan, frozen; for each resource that a blueprint governs:
//   backupPrehook, then the snapshots of its volumes (where one instance was fenced, of that one's) or
//   `backup`, then backupPosthook; the volumes that nothing governs; all copies ready; the restore point;
//   onSuccess, or onFailure where anything failed
//
// backupPosthook starts at the snapshots' point in time, not when they are ready: the fence is what users
// feel. It runs whatever happened after its prehook. Every object that is made has a name derived from the
// BackupAction's, so a later daemon finds what was done and goes on. What failed leaves no restore point, no
// copy and no fence.
#pragma once

#include <string>

#include "protect/action_status.h"
#include "protect/hooks.h"
#include "protect/snapshots.h"

namespace fencepost::protect {

class BackupRun {
  public:
    BackupRun(run::World& world, const Value& object, Tokens tokens, SnapshotLimits limits = {});
    // Returns when the action is over, durably. Throws Cancelled{kShutdown} and leaves what runs as it is.
    void run();

  private:
    void back_up();
    void discover();
    void protect(const Value& resource);
    void copy_volumes(const Value& claims, const std::string& what, const std::string& holder);
    void dump(const Value& resource);
    [[nodiscard]] ChildEnd call(const Value& resource, const std::string& action);
    void keep_end(const Value& resource, const std::string& action, const ChildEnd& end);
    void note_window(const Value& resource);
    void settle_volumes();
    void make_restore_point();
    void discard();
    void finish(const char* state, const std::string& message);
    [[nodiscard]] std::string content_name() const;
    [[nodiscard]] Value labels() const;
    [[nodiscard]] Value& kept(const Value& resource);
    [[nodiscard]] Deadline in(std::chrono::seconds time) const;
    [[nodiscard]] std::vector<VolumeCopy> copies_of(const Value& claims) const;

    run::World& world_;
    const Tokens tokens_;
    const SnapshotLimits limits_;
    ActionStatus status_;
    const std::string ns_;
    Hooks hooks_;
    Snapshots snapshots_;
};

}  // namespace fencepost::protect
