// What a policy would do over a time to come: its runs, what each retires, what an object lock holds back,
// and what is stored meanwhile. It is judged by the very functions that the real retention calls. Pure;
// thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "policy/retention.h"

namespace fencepost::policy {

struct Assumptions {
    SystemTime from, until;
    std::int64_t full_bytes = 0;     // of the first restore point
    std::int64_t changed_bytes = 0;  // that each further one adds: all others have the rest as well
    std::chrono::seconds lock{0};    // the location's protection period, renewed as long as a point stays
};

struct SimulatedPoint {
    SystemTime scheduled;
    std::vector<model::Tier> tiers;     // at the end; of one that went, when it last stayed
    std::optional<SystemTime> retired;  // no restore point any more
    std::optional<SystemTime> deleted;  // its data is gone; later than retired where a lock held it
};

// After a run.
struct Stand {
    SystemTime time;
    std::int64_t kept = 0, locked = 0;  // restore points; retired ones whose data is still there
    std::int64_t deleted = 0;           // so far
    std::int64_t stored_bytes = 0;
};

struct Simulation {
    std::vector<SimulatedPoint> points;
    std::vector<Stand> stands;  // one a run
    std::int64_t peak_bytes = 0;
};

[[nodiscard]] Simulation simulate(const model::Policy& policy, const Assumptions& assumptions);

}  // namespace fencepost::policy
