// Times that come again: a cron expression in UTC, as crontab(5) has it: five fields (minute, hour, day of
// the month, month, day of the week) of *, numbers, ranges, steps and lists, with names for months and days;
// 0 and 7 are Sunday; where both kinds of day are restricted, either will do. Immutable; thread-safe.
#pragma once

#include <bitset>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace fencepost::model {

class Cron {
  public:
    // Numbers stand for themselves: index 0 of days and months is unused.
    struct Fields {
        std::bitset<60> minutes;
        std::bitset<24> hours;
        std::bitset<32> days;
        std::bitset<13> months;
        std::bitset<7> weekdays;
        bool either_day = false;   // a day that fits one of the two fields will do
        bool clamps_days = false;  // of a day that a month does not have, its last one is meant
    };

    // Throws Error{kInvalid}, which names the field.
    [[nodiscard]] static Cron parse(std::string_view text);
    explicit Cron(const Fields& fields) : fields_(fields) {}

    // The first minute after `time` that fits; none where it never comes, as on 30 February.
    [[nodiscard]] std::optional<SystemTime> next_after(SystemTime time) const;

  private:
    [[nodiscard]] bool has_day(std::chrono::sys_days day) const;

    Fields fields_;
};

}  // namespace fencepost::model
