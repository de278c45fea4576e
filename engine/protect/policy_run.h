// PolicyRun: one RunAction from its first sight to its end, on the calling thread: for each application that
// the policy selects a BackupAction, and after it the ExportActions of its restore point that the policy asks
// for; and of what is to be verified a ValidateAction with a restore. Each is followed by its retention:
// restore points, and exports, that the policy no longer keeps are retired. What is to be verified retires
// nothing before it has passed. The policy is frozen when the run begins. A run that was scheduled begins for
// each application at the time that staggering gives it.
#pragma once

#include <string>

#include "model/policy.h"
#include "protect/action_status.h"
#include "protect/tokens.h"

namespace fencepost::protect {

class PolicyRun {
  public:
    PolicyRun(run::World& world, const Value& object, Tokens tokens);
    // Returns when the run is over, durably. Throws Cancelled{kShutdown} and leaves what runs as it is.
    void run();

  private:
    void freeze();
    void back_up(const std::string& application);
    void start_backup(const std::string& application, const Value& parameters);
    [[nodiscard]] std::string end_of_backup(const std::string& application);
    void start_exports(const std::string& application);
    [[nodiscard]] std::string end_of_exports(const std::string& application);
    void start_verification(const std::string& application, const model::PolicyAction& action,
                            const std::string& restore_point);
    [[nodiscard]] std::string end_of_verifications(const std::string& application);
    [[nodiscard]] Value child(const std::string& application, const std::string& name) const;
    // Of an action that this run has made: "" where it is complete.
    [[nodiscard]] std::string end_of(const cluster::ObjectKey& key, const std::string& step);
    [[nodiscard]] model::Policy policy() const;
    [[nodiscard]] std::string export_name(std::size_t action) const;
    [[nodiscard]] bool has_begun(const std::string& step) const;  // and was not left out

    run::World& world_;
    const Tokens tokens_;
    ActionStatus status_;
};

// The restore points that this policy has made of an application, judged; those that do not stay are deleted.
// Of an export the exports to its profile, and no others.
void apply_retention(run::World& world, const model::Policy& policy, const std::string& application,
                     const model::PolicyAction* exports = nullptr);

namespace labels {
inline constexpr const char* kPolicy = "k10.kasten.io/policyName";
inline constexpr const char* kPolicyNamespace = "k10.kasten.io/policyNamespace";
inline constexpr const char* kRun = "k10.kasten.io/runActionName";
inline constexpr const char* kIsManual = "k10.kasten.io/isRunNow";
inline constexpr const char* kKeep = "k10.kasten.io/doNotRetire";
}  // namespace labels

}  // namespace fencepost::protect
