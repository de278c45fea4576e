// PolicyRun: one RunAction from its first sight to its end, on the calling thread. Of a policy that imports
// see policy_import.h; else for each application that the policy selects a BackupAction, and after it the
// ExportActions of its restore point that the policy asks for; and of what is to be verified a ValidateAction
// with a restore. Each is followed by its retention: restore points, and exports, that the policy no longer
// keeps are retired. What is to be verified retires nothing before it has passed. The policy is frozen when
// the run begins, as its preset makes it then. A run that was scheduled begins for each application at the
// time that staggering gives it.
#pragma once

#include <string>
#include <vector>

#include "model/policy.h"
#include "protect/action_status.h"
#include "protect/policy_children.h"
#include "protect/tokens.h"

namespace fencepost::protect {

class PolicyRun {
  public:
    PolicyRun(run::World& world, const Value& object, Tokens tokens);
    PolicyRun(const PolicyRun&) = delete;
    PolicyRun& operator=(const PolicyRun&) = delete;
    // Returns when the run is over, durably. Throws Cancelled{kShutdown} and leaves what runs as it is.
    void run();

  private:
    void freeze();
    [[nodiscard]] model::Policy policy() const;  // as frozen
    // What failed; "" where nothing did.
    [[nodiscard]] std::string back_up_all();
    void back_up(const std::string& application);
    void start_backup(const std::string& application, const Value& parameters);
    [[nodiscard]] std::string end_of_backup(const std::string& application);
    void start_exports(const std::string& application);
    [[nodiscard]] std::string end_of_exports(const std::string& application);
    void start_verification(const std::string& application, const model::PolicyAction& action,
                            const std::string& restore_point);
    [[nodiscard]] std::string end_of_verifications(const std::string& application);
    [[nodiscard]] std::string export_name(std::size_t action) const;

    run::World& world_;
    const Tokens tokens_;
    ActionStatus status_;
    PolicyChildren children_;
};

}  // namespace fencepost::protect
