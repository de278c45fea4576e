// ActionSetRun: one ActionSet from its first sight to its terminal state, on the calling thread (and one more
// for each further action of it). Actions run in parallel, but for dependsOn.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "run/action_run.h"
#include "run/machinery.h"
#include "run/record.h"

namespace fencepost::run {

class ActionSetRun {
  public:
    ActionSetRun(Machinery& machinery, const Value& object, CancelToken cancel, CancelToken shutdown);
    // Returns when the state is terminal and durable (or the object has vanished, or another controller was
    // quicker to begin it). Throws
    // Cancelled{kShutdown} and leaves what runs as it is: the next daemon goes on. Error: what the cluster
    // throws.
    void run();

  private:
    [[nodiscard]] bool prepare();
    void freeze();
    void take_over(const std::string& name);  // of the ActionSet that this one resumes
    void thaw();
    void refuse(const std::string& message);
    void run_actions();
    void finish();

    Machinery& machinery_;
    Record record_;
    model::ActionSet action_set_;
    const CancelToken cancel_;
    const CancelToken shutdown_;
    bool was_begun_ = false;
    std::vector<model::Action> definitions_;
    std::vector<std::unique_ptr<ActionRun>> runs_;
};

[[nodiscard]] std::vector<Value> job_pods(cluster::Cluster& cluster);
// Removes those whose ActionSet (by uid) is over: an earlier daemon did not come to it.
void remove_job_pods(cluster::Cluster& cluster, const std::vector<Value>& pods,
                     const std::function<bool(const std::string& uid)>& is_over);

// In which order actions may start: for each, the indices that it waits for. Throws Error{kInvalid} for a
// name that is not there, or a circle.
[[nodiscard]] std::vector<std::vector<std::size_t>> dependencies(const model::ActionSet& action_set);

}  // namespace fencepost::run
