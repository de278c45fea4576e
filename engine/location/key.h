// The rules for object keys, in one place: what a key may be, and how a prefix and a path become one. Pure.
// Errors: kInvalid.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fencepost::location {

inline constexpr std::size_t kMaxKeyBytes = 1024;

// A whole key: UTF-8, no empty, "." or ".." part, no control character, no backslash, at most kMaxKeyBytes.
void check_key(std::string_view key);
// What keys may start with: as a key, but it may be empty and may end anywhere, also with '/'.
void check_key_prefix(std::string_view prefix);

}  // namespace fencepost::location
