// When a policy runs, and which of its runs stand for an hour, a day, a week, a month or a year. All times
// are UTC. Immutable; thread-safe.
#pragma once

#include <optional>
#include <string_view>

#include "base/clock.h"
#include "model/cron.h"
#include "model/policy.h"

namespace fencepost::policy {

class Calendar {
  public:
    // REQUIRES: the policy was read without an error.
    explicit Calendar(const model::Policy& policy);

    // The first run after `time`, within the backup window where there is one; none of an @onDemand policy,
    // or where no run lies within the window.
    [[nodiscard]] std::optional<SystemTime> next_after(SystemTime time) const;
    // The run that is due where none has run since `last`: the latest that has passed, so that what was
    // missed is made up for once.
    [[nodiscard]] std::optional<SystemTime> due(SystemTime last, SystemTime now) const;
    // When the run of that time begins for an application: with staggering spread over what is left of the
    // window, and always the same for it.
    [[nodiscard]] SystemTime start_of(SystemTime run, std::string_view application) const;

    // The finest tier: every run counts for it.
    [[nodiscard]] model::Tier finest() const noexcept { return finest_; }
    // The number of the tier's period that the time lies in; it grows with time. A period begins with the run
    // that subFrequency names first: of @hourly with hours [3], a day begins at 3.
    [[nodiscard]] std::int64_t period(model::Tier tier, SystemTime time) const;

  private:
    [[nodiscard]] bool is_in_window(SystemTime time) const;

    std::optional<model::Cron> times_;
    std::optional<model::BackupWindow> window_;
    bool is_staggered_;
    std::string identity_;
    model::Tier finest_ = model::Tier::kHourly;
    // Where the periods begin.
    int minute_ = 0, hour_ = 0, weekday_ = 0, day_ = 1, month_ = 1;
};

}  // namespace fencepost::policy
