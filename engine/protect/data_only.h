// spec.dataOnly of a RestoreAction: the data alone comes back, into the application that is there. Its claims
// are replaced by those of the restore point; what uses them rests meanwhile, and is what it was afterwards,
// also after a failure, a cancel, or a daemon that died. One exception: what uses a claim that is not whole
// by then (it has gone and could not be made again, or was filled in part) stays at rest, since it would
// start on half its data, or make itself an empty volume. The next restore starts it.
//
// The action's record has what a later daemon needs. Blocking; one thread.
#pragma once

#include <string>
#include <vector>

#include "protect/action_status.h"
#include "protect/claim_users.h"
#include "protect/restore_item.h"
#include "protect/tokens.h"

namespace fencepost::protect {

class DataOnly {
  public:
    DataOnly(run::World& world, ActionStatus& status, Tokens tokens, std::chrono::seconds limit);
    [[nodiscard]] bool is_asked() const;

    // All of these do nothing where it is not asked for. prepare() throws kFailedPrecondition where nothing
    // of the restore point is data, where the application is not there, and where something would not stop;
    // the others throw as ClaimUsers does.
    void prepare(const Value& content, const std::vector<RestoreItem>& items);
    void stop_users();
    void tell_filled(const std::string& claim);
    // The claims are as they are to be.
    void start_users();
    // After a failure or a cancel. What cannot be started again is told as an exception of the action.
    void tidy();
    [[nodiscard]] std::vector<std::string> not_ready() const;
    // An earlier daemon has come this far.
    [[nodiscard]] bool are_claims_done() const;

  private:
    [[nodiscard]] const Value& record() const;
    [[nodiscard]] ClaimUsers users() const;
    [[nodiscard]] std::set<std::string> broken_claims() const;

    run::World& world_;
    ActionStatus& status_;
    const Tokens tokens_;
    const std::chrono::seconds limit_;
};

}  // namespace fencepost::protect
