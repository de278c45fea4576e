// JSON to Value and back. Reading: whole numbers that fit become int64 (then uint64), others float64; a
// duplicate key keeps its last value, as Go does; limits on depth and size. Writing is byte for byte Go's
// encoding/json: keys sorted, <, > and & escaped as \u003c, floats as Go prints them, bytes as base64, struct
// fields in their order. Errors: Error{kInvalid} with the position. Thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "value/value.h"

namespace fencepost {

inline constexpr std::size_t kMaxJsonDepth = 200;
inline constexpr std::size_t kMaxJsonBytes = std::size_t{64} << 20U;

[[nodiscard]] Value parse_json(std::string_view text);

struct JsonFormat {
    bool escape_html = true;
    std::string indent;  // "" writes one line; "  " is what people read
};
[[nodiscard]] std::string to_json(const Value& value, const JsonFormat& format = {});

}  // namespace fencepost
