// A Policy as a type: which applications, what is done to them, when, and for how long the restore points
// stay. It either backs up (and exports), or imports what another installation has exported (and restores
// it). The fields are those of Kasten's Policy; ours is that `frequency` may also be a cron expression. All
// times are UTC. Pure; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/problem.h"
#include "model/verification.h"
#include "value/value.h"

namespace fencepost::model {

enum class Tier : std::uint8_t { kHourly, kDaily, kWeekly, kMonthly, kYearly };
inline constexpr std::array<Tier, 5> kTiers{Tier::kHourly, Tier::kDaily, Tier::kWeekly, Tier::kMonthly,
                                            Tier::kYearly};
[[nodiscard]] std::string_view to_string(Tier tier) noexcept;  // "hourly"

// How many restore points stay, by tier.
using Retention = std::array<std::int64_t, kTiers.size()>;

// When within its period a run comes. Only that of the frequency itself may have several values; the first
// one of each says which run counts for the longer periods as well.
struct SubFrequency {
    std::vector<int> minutes, hours, weekdays, days, months;
};

struct BackupWindow {
    int start = 0;  // minutes after midnight
    int end = 0;    // not after the start: of the next day
};

struct PolicyAction {
    std::string action;  // "backup", "export", "import", "restore"
    Value parameters;    // backupParameters and so on
    // Of an export; absent: as the policy has them.
    std::optional<Retention> retention{};
    std::optional<Tier> frequency{};  // the first run of each such period is exported, the others are not
    // Of a backup or an export with `verify: restore`: what is asked of the restore point that it makes.
    std::optional<Verification> verification{};
};

struct PresetReference {
    std::string name, ns;
};

struct Policy {
    std::string name, ns, uid;
    std::int64_t generation = 0;
    // A policy that has one says neither when nor for how long: see policy_preset.h.
    std::optional<PresetReference> preset;
    std::string frequency;  // "@hourly" to "@yearly", "@onDemand", or a cron expression
    SubFrequency sub_frequency;
    std::optional<BackupWindow> window;
    bool is_staggered = false;
    bool is_paused = false;
    std::optional<Retention> retention;  // absent: everything stays
    Value selector;
    std::vector<PolicyAction> actions;

    // Null where the policy does nothing of the kind.
    [[nodiscard]] const PolicyAction* find(std::string_view action) const noexcept;

    // Whatever can be read; what is wrong goes to `problems`. With an error among them, do not run it.
    [[nodiscard]] static Policy read(const Value& object, Problems& problems);
    // Throws Error{kInvalid} that lists all errors, one a line. REQUIRES: the object names no preset.
    [[nodiscard]] static Policy from(const Value& object);
};

inline constexpr std::string_view kOnDemand = "@onDemand";
// Of "@daily" and its like; nullopt for "@onDemand" and for cron.
[[nodiscard]] std::optional<Tier> tier_of(std::string_view frequency) noexcept;

}  // namespace fencepost::model
