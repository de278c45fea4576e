// What a run needs and a plan can look at beforehand: the objects that phases name and the keys that their
// templates take, Pods and workloads that functions act on, what job Pods mount, the location, the bindings.
// Reads, writes nothing. Errors become findings; what is thrown is the cluster's own (unreachable).
#pragma once

#include <string>
#include <vector>

#include "cli/prospect.h"
#include "model/problem.h"
#include "value/value.h"

namespace fencepost::cli {

// A line of the plan: what was looked at, and what came of it.
struct PlanCheck {
    enum class State { kFine, kWarning, kError, kSkipped };
    std::string what;  // "objects", "location"
    State state = State::kFine;
    std::string detail;  // for people
};
[[nodiscard]] std::string_view to_string(PlanCheck::State state) noexcept;

class PlanChecks {
  public:
    explicit PlanChecks(Prospect& prospect);

    // Problems point into the blueprint; `view` is the prospect's preview.
    void check_objects(model::Problems& problems);
    void check_phases(const Value& view, model::Problems& problems);
    // These have no place in the blueprint.
    [[nodiscard]] std::vector<PlanCheck> check_bindings();
    [[nodiscard]] std::vector<PlanCheck> check_volumes();
    [[nodiscard]] PlanCheck check_location(Server& server);

  private:
    [[nodiscard]] bool exists(const cluster::ObjectKey& key);
    [[nodiscard]] std::optional<Value> find(const cluster::ObjectKey& key);
    void check_phase(const Value& phase, const std::string& pointer, model::Problems& problems);
    void check_pod(const std::string& ns, const std::string& pod, const std::string& container,
                   const std::string& pointer, model::Problems& problems);
    void check_condition_objects(const Value& args, const std::string& pointer, model::Problems& problems);
    void check_job(const Value& args, const std::string& pointer, model::Problems& problems);
    void check_keys(const model::Phase& phase, const std::string& pointer, model::Problems& problems);

    Prospect& prospect_;
    run::World& world_;
    std::map<std::string, std::map<std::string, Value>> fetched_;  // phase -> name of the object -> it
};

}  // namespace fencepost::cli
