// Numbers in texts as Go's strconv reads them. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fencepost {

// strconv.ParseFloat: also hexadecimal digits with an exponent of two, inf, infinity and nan in any case.
// nullopt where Go has an error, also for what is too large.
[[nodiscard]] std::optional<double> parse_go_float(std::string_view text);

struct GoInt {
    std::int64_t value = 0;  // where it does not fit: the nearest one that does; 0 for what is no number
    bool is_ok = false;
};
// strconv.ParseInt of 64 bits, for bases from 2 to 10.
[[nodiscard]] GoInt parse_go_int(std::string_view text, int base = 10);

// The text without its underscores; nullopt where one does not stand between digits, or between a base's
// prefix and a digit.
[[nodiscard]] std::optional<std::string> without_underscores(std::string_view text);

}  // namespace fencepost
