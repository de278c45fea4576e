// Which restore points of one policy and one application stay: grandfather, father, son. Every run counts for
// the policy's finest tier; for a longer one the earliest restore point of each period counts (the run that
// begins the period, or, where that one failed, the next). Of each tier the latest ones stay, as many as the
// retention says. What was made by hand is not counted: it stays until it expires. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "policy/calendar.h"

namespace fencepost::policy {

struct Point {
    SystemTime scheduled;
    bool is_manual = false;
    bool is_kept_by_hand = false;  // its keep flag: it stays, and counts all the same
    std::optional<SystemTime> expires_at;
};

struct Verdict {
    bool stays = true;
    std::vector<model::Tier> tiers;  // that it counts for, and that keep it
};

// One verdict a point. REQUIRES: points are in the order of their time.
[[nodiscard]] std::vector<Verdict> judge(const std::vector<Point>& points,
                                         const std::optional<model::Retention>& retention,
                                         const Calendar& calendar, SystemTime now);

}  // namespace fencepost::policy
