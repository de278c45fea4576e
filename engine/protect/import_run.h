// ImportRun: one ImportAction from its first sight to its end, on the calling thread: reads what a location
// holds, and makes the RestorePointContent and RestorePoint of one exported restore point here, with a report
// of what a restore would still miss. Nothing but the location and the repository's key is needed of the
// installation that exported. Its signature, and each part's checksum, are checked; whether that
// installation is one to trust is for the user to say: spec.trustedKey is the fingerprint of the only signer
// that is accepted. What is imported is signed again with the key of this installation, and its data stays
// the exporting installation's: retiring an import removes nothing from the location. May be done again: the
// report is then a new one.
#pragma once

#include <string>

#include "protect/action_status.h"
#include "protect/exports.h"
#include "protect/tokens.h"

namespace fencepost::protect {

class ImportRun {
  public:
    ImportRun(run::World& world, const Value& object, Tokens tokens);
    // Returns when the action is over, durably. Throws Cancelled{kShutdown}.
    void run();

  private:
    void import();
    [[nodiscard]] List look(Exports& exports) const;
    void list(const List& indexes);
    [[nodiscard]] Value choose(const List& indexes) const;
    [[nodiscard]] Value fetch(Exports& exports, const Value& index);
    void make_restore_point(const Value& index, const Value& spec);
    void report(const std::string& content);

    run::World& world_;
    const Tokens tokens_;
    ActionStatus status_;
};

}  // namespace fencepost::protect
