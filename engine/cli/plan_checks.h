// What a run needs and a plan can look at beforehand: the objects that phases name and the keys that their
// templates take, images, the location, the bindings; plan_needs.h has what functions act on. Reads, writes
// nothing. Errors become findings; what is thrown is the cluster's own (unreachable).
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

// Holds "<dump.path>", which only a run can know, or is a template still.
[[nodiscard]] bool is_unknown(std::string_view text);
// Of the phase in the blueprint; `count` is how many there are without the deferPhase, which comes last.
[[nodiscard]] std::string phase_pointer(const std::string& action, std::size_t index, std::size_t count);

class PlanChecks {
  public:
    explicit PlanChecks(Prospect& prospect);

    // Problems point into the blueprint; `view` is the prospect's preview.
    void check_objects(model::Problems& problems);
    void check_phases(const Value& view, model::Problems& problems);
    [[nodiscard]] std::vector<PlanCheck> check_images(const Value& view, Server& server,
                                                      model::Problems& problems);
    // These have no place in the blueprint.
    [[nodiscard]] std::vector<PlanCheck> check_bindings();
    [[nodiscard]] std::vector<PlanCheck> check_volumes();
    [[nodiscard]] PlanCheck check_location(Server& server);

  private:
    void check_phase(const Value& phase, const std::string& pointer, model::Problems& problems);
    void check_condition_objects(const Value& args, const std::string& pointer, model::Problems& problems);
    void check_keys(const model::Phase& phase, const std::string& pointer, model::Problems& problems);

    Prospect& prospect_;
    run::World& world_;
    std::map<std::string, std::map<std::string, Value>> fetched_;  // phase -> name of the object -> it
};

}  // namespace fencepost::cli
