// PolicyImport: the run of a policy that imports, on the run's thread:
//
//   what is at the location; an ImportAction for each restore point that is not here yet, the newest first;
//   the retention of each application that came by something; and, where the policy restores, a RestoreAction
//   of each application's newest imported restore point
//
// A restore point that the retention would not keep is not imported, so what was retired does not come back.
// The policy's status.restored tells what was last restored of each application: the same is not restored
// again, and what failed is, by the next run. While the readiness report says that something is missing
// nothing is restored, as a restore may replace what is there; a policy with transforms, filters or a profile
// of its own for the restore may well know better.
#pragma once

#include <string>
#include <vector>

#include "model/policy.h"
#include "protect/action_status.h"
#include "protect/policy_children.h"
#include "protect/tokens.h"

namespace fencepost::protect {

class PolicyImport {
  public:
    // The run's own, which outlive this. REQUIRES: the policy has an import.
    PolicyImport(run::World& world, ActionStatus& status, const Tokens& tokens, PolicyChildren& children,
                 model::Policy policy);
    // What failed; "" where nothing did. Throws Cancelled, and Error where the location cannot be read.
    [[nodiscard]] std::string run();

  private:
    void look();
    [[nodiscard]] List wanted(const std::string& application, const List& there) const;
    void import_all();
    void import(const Value& wanted);
    void choose();
    [[nodiscard]] std::string start_restore(const Value& chosen);
    void end_restore(const Value& chosen);
    void restore_all();
    void fail(std::vector<std::string>& those, const std::string& application, const std::string& error);

    run::World& world_;
    ActionStatus& status_;
    const Tokens& tokens_;
    PolicyChildren& children_;
    const model::Policy policy_;
    const model::PolicyAction& import_;
    const model::PolicyAction* restore_;                    // null: it imports alone
    std::vector<std::string> not_imported_, not_restored_;  // applications
};

}  // namespace fencepost::protect
