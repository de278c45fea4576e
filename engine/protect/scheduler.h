// Scheduler: makes a RunAction when a Policy's time has come, keeps status.validation of every Policy and
// PolicyPreset true (can it be read, is its preset there, and is what it has to verify verifiable), and
// retires restore points whose time is over. What was missed while no daemon ran is made up for by one run. A
// policy whose last run still works has the new one skipped, which a RunAction tells. On a thread of its own
// from construction to destruction.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/task_group.h"
#include "model/policy.h"
#include "run/events.h"
#include "run/function.h"

namespace fencepost::protect {

class Scheduler {
  public:
    // Both outlive it.
    Scheduler(run::World& world, run::Events& events);
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;
    ~Scheduler();

  private:
    void work();
    void look();
    void look_at(const Value& policy);
    void run_due(const Value& policy, SystemTime scheduled);
    void retire_expired();
    [[nodiscard]] const std::vector<std::string>& unverifiable_by(const Value& object,
                                                                  const model::Policy& policy);

    struct Looked {
        Value spec;
        Deadline until{};
        std::vector<std::string> found;
    };
    run::World& world_;
    run::Events& events_;
    std::map<std::string, Looked> looked_;  // by the policy's uid; of its thread alone
    CancelSource stop_;
    TaskGroup thread_;
};

}  // namespace fencepost::protect
