// Go's fmt over Values: %v %+v %#v %T %d %s %q %x %f %e %g %t %c %U %p-less, with flags, width and precision,
// and the
// %!verb(type=value) texts for mistakes. Pure; thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "value/value.h"

namespace fencepost {

inline constexpr std::size_t kMaxFormatBytes = std::size_t{64} << 20U;

// Errors: Error{kExhausted} above kMaxFormatBytes, which widths in a short format can reach.
[[nodiscard]] std::string go_sprintf(std::string_view format, std::span<const Value> arguments);
[[nodiscard]] std::string go_sprint(
    std::span<const Value> arguments);  // spaces between operands when neither is a string
[[nodiscard]] std::string go_sprintln(std::span<const Value> arguments);
[[nodiscard]] std::string go_format_v(const Value& value);  // what {{.}} prints
void append_go_format_v(std::string& output, const Value& value);
[[nodiscard]] std::string go_format_float(double value, char verb, int precision,
                                          int bits = 64);    // strconv.FormatFloat
[[nodiscard]] bool go_can_backquote(std::string_view text);  // strconv.CanBackquote
[[nodiscard]] std::string go_quote(std::string_view text);   // strconv.Quote

}  // namespace fencepost
