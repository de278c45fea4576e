// RestoreRun: one RestoreAction from its first sight to its end, on the calling thread:
//
//   the restore point's signature; preHook; restorePrehook of each resource that is there; what is in the way
//   goes, where overwriteExisting says so; objects are made again, claims from their copies or, of an export,
//   empty and filled from its location; workloads become
//   ready; `restore` (where the backup called `backup`) and restorePosthook; onSuccess or onFailure
//
// With dataOnly the claims alone are replaced, while what uses them rests, and the blueprints run.
//
// An object that this action has made carries its uid, so a later daemon goes on where the other one was, and
// nothing that was there before is taken for restored.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protect/action_status.h"
#include "protect/data_only.h"
#include "protect/hooks.h"
#include "protect/in_the_way.h"
#include "protect/restore_item.h"
#include "protect/restored_blueprints.h"
#include "protect/snapshots.h"
#include "protect/transforms.h"

namespace fencepost::protect {

struct RestoreLimits {
    std::chrono::seconds gone{300};    // what is in the way
    std::chrono::seconds ready{1800};  // the workloads
};

class RestoreRun {
  public:
    RestoreRun(run::World& world, const Value& object, Tokens tokens, RestoreLimits limits = {});
    // Returns when the action is over, durably. Throws Cancelled{kShutdown} and leaves what runs as it is.
    void run();

  private:
    void restore();
    void freeze_transforms();
    void read_items(const Value& content);
    void expect_parts(const Value& content);
    void make_objects(const Value& content);
    void offer_copies(const Value& content);
    [[nodiscard]] bool make(const RestoreItem& item, bool waits_for_owners);
    void fill(const Value& content, const RestoreItem& item);
    [[nodiscard]] bool give_owners(Value& manifest, bool waits_for_owners) const;
    void wait_until_ready();
    [[nodiscard]] std::string why_not_ready() const;
    [[nodiscard]] bool waits_for_consumer(const Value& claim) const;
    [[nodiscard]] std::optional<Value> existing(const RestoreItem& item) const;
    [[nodiscard]] bool is_ours(const Value& object) const;
    void withdraw_offers();

    run::World& world_;
    const Tokens tokens_;
    const RestoreLimits limits_;
    ActionStatus status_;
    const std::string ns_;
    Hooks hooks_;
    DataOnly data_only_;
    std::vector<RestoreItem> items_;  // by rank
    InTheWay in_the_way_;
    RestoredBlueprints blueprints_;
};

}  // namespace fencepost::protect
