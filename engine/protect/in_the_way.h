// What stands in the way of a RestoreAction: the objects of the names that it is to make, and not made by it.
// Without overwriteExisting a claim in the way is refused, and any other object stays as it is; with it all
// of them go before anything is made. With an object go the claims that it owns, also those that are not
// restored: of an instance that the backup has left out, or one that was made since. These are waited for,
// whoever has deleted their owner: an operator that still finds one would take it, with today's data, for its
// new object's.
//
// Blocking; one thread. Errors: what the cluster throws, and as it is said below.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "protect/action_status.h"
#include "protect/restore_item.h"
#include "protect/tokens.h"

namespace fencepost::protect {

class InTheWay {
  public:
    InTheWay(run::World& world, ActionStatus& status, Tokens tokens, const std::vector<RestoreItem>& items,
             std::chrono::seconds limit);

    // Throws kFailedPrecondition where data would be lost that nobody has said may be: a claim is in the way
    // and not to be overwritten, or would go with its owner though the filters keep it from coming back.
    // Throws kForbidden where something is to go that this installation may not delete.
    void refuse(const Value& content) const;
    // Returns once nothing is in the way any more. Throws kTimeout.
    void remove();

  private:
    struct Found {
        const RestoreItem* item;
        Value object;
    };
    // What uses a claim stands before the claim.
    [[nodiscard]] std::vector<Found> found() const;
    [[nodiscard]] bool overwrites() const;
    void refuse_lost_with_owners(const Value& content, const std::vector<Found>& in_the_way) const;
    void refuse_forbidden(const Found& one) const;
    [[nodiscard]] std::vector<std::string> left() const;
    [[nodiscard]] std::vector<Value> claims() const;
    [[nodiscard]] bool has_lost_owners(const Value& claim) const;

    run::World& world_;
    ActionStatus& status_;
    const Tokens tokens_;
    const std::vector<RestoreItem>& items_;
    const std::chrono::seconds limit_;
};

}  // namespace fencepost::protect
