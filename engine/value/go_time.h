// Go's time layouts ("2006-01-02T15:04:05Z07:00") over Time, and zones from the system's tz database.
// Thread-safe. Errors: Error{kInvalid} with Go's text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "value/value.h"

namespace fencepost {

inline const Time kZeroTime{.unix_seconds = -62'135'596'800};  // Go's: January 1 of the year 1

struct CivilTime {
    std::int64_t year = 0;
    unsigned month = 1, day = 1;
    int hour = 0, minute = 0, second = 0;
    int weekday = 0, yearday = 1;  // 0 is Sunday; 1 is January 1
};
[[nodiscard]] CivilTime civil_time(const Time& time);  // as its zone's clocks and calendars say

[[nodiscard]] std::string format_time(const Time& time, std::string_view layout);
[[nodiscard]] std::string time_text(const Time& time);       // what {{.}} prints
[[nodiscard]] std::string time_go_syntax(const Time& time);  // %#v
[[nodiscard]] Time parse_time(std::string_view layout, std::string_view text);
// "" and "UTC" are UTC, "Local" the process's zone; nullopt for a name that is unknown.
[[nodiscard]] std::optional<Time> in_zone(const Time& time, const std::string& zone);

}  // namespace fencepost
