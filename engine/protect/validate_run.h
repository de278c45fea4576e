// ValidateRun: one ValidateAction from its first sight to its end, on the calling thread: is what a restore
// point is made of still there, and still what was written? Its signature; its manifests, by their checksum;
// the copies of its volumes; what blueprints' actions have pushed to a repository, of which as much as spec
// asks for is read back whole, which checks each piece. With spec.restore it is then restored beside what is
// live, asked, and removed again: see ScratchRestore. What was found stands on the RestorePointContent
// (status.verification): one that failed is not restored until another validation passes, which of one that a
// restore has found bad is a validation with a restore. Looks, and leaves nothing else changed.
#pragma once

#include <functional>
#include <string>

#include "protect/action_status.h"
#include "protect/scratch_restore.h"
#include "protect/tokens.h"

namespace fencepost::protect {

class ValidateRun {
  public:
    ValidateRun(run::World& world, const Value& object, Tokens tokens);
    // Returns when the action is over, durably. Throws Cancelled{kShutdown}.
    void run();

  private:
    void validate();
    void check_volumes(const Value& spec);
    void check_artifacts(const Value& spec);
    void check_restore(const Value& content);
    // Runs it; what it throws is a finding, and what it returns is told with it.
    void check(const std::string& what, const std::function<Value()>& look);
    [[nodiscard]] bool is_over() const;  // spec.volumeDataCheckOptions.failFast
    void keep_verdict(const std::string& content);
    [[nodiscard]] bool wants_restore() const;
    // Of the whole action, which then is only to be tidied up.
    void note_end(const char* state, const std::string& failure);

    run::World& world_;
    const Tokens tokens_;
    ActionStatus status_;
    ScratchRestore scratch_;
    std::string first_failure_;
};

// Throws kFailedPrecondition where the last validation has found the restore point damaged.
void refuse_damaged(const Value& content);

}  // namespace fencepost::protect
