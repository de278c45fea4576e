// What blueprints do in a restore: the actions restorePrehook, restore and restorePosthook of each resource
// that one governed when the backup was made, with the blueprint as it was then or, where
// spec.blueprintSource says so, as it is now. Each is an ActionSet and a step of the RestoreAction. Blocking;
// one thread.
#pragma once

#include <string>
#include <vector>

#include "protect/action_status.h"
#include "protect/restore_item.h"
#include "protect/tokens.h"

namespace fencepost::protect {

class RestoredBlueprints {
  public:
    // `items` are filled later; all of these outlive it.
    RestoredBlueprints(run::World& world, ActionStatus& status, const Tokens& tokens,
                       const std::vector<RestoreItem>& items);
    // REQUIRES: before the others. Throws kInvalid and kFailedPrecondition where spec.pointInTime cannot be
    // had, and where a copy would write over the database of the live application; what is restored without
    // the point in time is told as an exception of the action.
    void prepare(const Value& content);
    // How many actions all of call_each() will run: each is a part of the RestoreAction's progress.
    [[nodiscard]] std::size_t count(const Value& content) const;
    // The action of that name of every resource whose blueprint has it. Throws kFailedPrecondition where one
    // fails.
    void call_each(const Value& content, const char* action);

  private:
    [[nodiscard]] bool is_called(const Value& content, const Value& resource, const char* action) const;
    void call(const Value& content, const Value& resource, const std::string& action);
    void refuse_live_databases(const Value& content) const;
    [[nodiscard]] Value options_of(const Value& content, const Value& resource) const;
    [[nodiscard]] bool are_live() const;
    [[nodiscard]] Value actions_of(const Value& content, const std::string& blueprint) const;
    [[nodiscard]] const RestoreItem* item_of(const Value& resource) const;  // null: it was left out

    run::World& world_;
    ActionStatus& status_;
    const Tokens& tokens_;
    const std::vector<RestoreItem>& items_;
    std::string point_in_time_;  // "": as it was backed up
};

}  // namespace fencepost::protect
