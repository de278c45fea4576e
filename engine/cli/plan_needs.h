// What the phases of an action would ask of the cluster, told by their functions (run/need.h): are the
// objects there that they act on, and may this caller do it. What only a run can know is not guessed at; what
// an earlier phase of the action makes or changes is taken into account. Reads, writes nothing. Errors become
// findings; what is thrown is the cluster's own (unreachable).
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/plan_checks.h"
#include "run/need.h"
#include "run/render.h"

namespace fencepost::cli {

class PlanNeeds {
  public:
    // `view` is the prospect's preview; `catalog` and all others are borrowed.
    PlanNeeds(Prospect& prospect, const run::Catalog& catalog, const Value& view);

    // Problems point into the blueprint.
    void check_objects(model::Problems& problems);
    // Asks the server what its rules allow, where it has such rules; refusals are problems, too.
    [[nodiscard]] PlanCheck check_permissions(Server& server, model::Problems& problems) const;

  private:
    struct Placed {
        run::Need need;
        std::string pointer;  // of the phase
        std::string phase;
    };
    [[nodiscard]] std::vector<run::Need> references_of(const model::Phase& phase) const;
    [[nodiscard]] Value rendered_as_far(const Value& args) const;
    void tell(model::Severity severity, const Placed& placed, const std::string& argument,
              const std::string& rule, const std::string& message, const std::string& hint,
              model::Problems& problems);
    void check_namespace(const Placed& placed, model::Problems& problems);
    void check_there(const Placed& placed, model::Problems& problems);
    void check_awaited(const Placed& placed, model::Problems& problems);
    void check_absent(const Placed& placed, model::Problems& problems);
    void check_pod(const Placed& placed, const Value& pod, model::Problems& problems);
    [[nodiscard]] std::string shown(const run::Need& need) const;  // "Pod app1/pg-0"
    [[nodiscard]] bool may_have_changed(const std::string& ns) const;

    run::World& world_;
    const Value params_;
    const run::Renderer renderer_;
    std::vector<Placed> needs_;
    std::vector<model::Problem> unreadable_;  // arguments that name no object at all
    // By the phases that were looked at so far.
    std::set<cluster::ObjectKey> made_, removed_;
    std::set<std::string> changed_;                       // namespaces; "" stands for any
    std::set<std::pair<std::string, std::string>> told_;  // phase and message
};

}  // namespace fencepost::cli
