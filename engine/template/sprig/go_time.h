// Go's time layouts ("2006-01-02T15:04:05Z07:00") over Time, and zones from the system's tz database.
// Thread-safe. Errors: Error{kInvalid} with Go's text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "value/value.h"

namespace fencepost::tmpl::sprig {

[[nodiscard]] std::string format_time(const Time& time, std::string_view layout);
[[nodiscard]] Time parse_time(std::string_view layout, std::string_view text);
// "" and "UTC" are UTC, "Local" the process's zone; nullopt for a name that is unknown.
[[nodiscard]] std::optional<Time> in_zone(const Time& time, const std::string& zone);

}  // namespace fencepost::tmpl::sprig
