// The actions that one run of a policy makes: BackupActions and all the others. Each has the policy's labels,
// is a step of the run's status, and has a name that comes of the run's, so that a later daemon finds those
// that an earlier one has made. Used by the run's thread. Errors: what the cluster throws.
#pragma once

#include <string>

#include "protect/action_status.h"
#include "protect/tokens.h"

namespace fencepost::protect {

class PolicyChildren {
  public:
    // `status` is the run's, whose record holds the policy; all three outlive this.
    PolicyChildren(run::World& world, ActionStatus& status, const Tokens& tokens)
        : world_(world), status_(status), tokens_(tokens) {}

    // An action for the application, in namespace `ns`, without its spec.
    [[nodiscard]] Value make(const std::string& ns, const std::string& name,
                             const std::string& application) const;
    // The spec's times of what makes a restore point: when it was due, and when it may go.
    void add_times(Value& action) const;
    // Creates it, unless an earlier daemon has, and begins the step. Staged: a flush makes the step durable.
    void start(const cluster::ResourceType& type, const Value& action, const std::string& step);
    // Waits for its end; the step is durable then, and a part of the run's progress. "" where it is complete,
    // else what went wrong.
    [[nodiscard]] std::string end_of(const cluster::ObjectKey& key, const std::string& step);
    [[nodiscard]] bool has_begun(const std::string& step) const;  // and was not left out
    // Asks all to end that have not, also those that an earlier daemon has started.
    void cancel();

  private:
    run::World& world_;
    ActionStatus& status_;
    const Tokens& tokens_;
};

namespace labels {
inline constexpr const char* kPolicy = "k10.kasten.io/policyName";
inline constexpr const char* kPolicyNamespace = "k10.kasten.io/policyNamespace";
inline constexpr const char* kRun = "k10.kasten.io/runActionName";
inline constexpr const char* kIsManual = "k10.kasten.io/isRunNow";
inline constexpr const char* kKeep = "k10.kasten.io/doNotRetire";
}  // namespace labels

}  // namespace fencepost::protect
