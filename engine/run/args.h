// Reading a function's rendered arguments with Kanister's weak conversions (kanister.md 2.3): "3" is the int
// 3, 5 is the string "5", a single scalar is a one-element list, "yes" is no bool. Errors: Error{kInvalid}
// that names the argument, what was expected and what is there. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "value/value.h"

namespace fencepost::run {

[[nodiscard]] bool has_arg(const Value& args, std::string_view name) noexcept;
[[nodiscard]] std::string string_arg(const Value& args, std::string_view name,
                                     std::string_view fallback = "");
[[nodiscard]] std::vector<std::string> strings_arg(const Value& args, std::string_view name);
// The words of a text that blanks separate: "pod-0 pod-1".
[[nodiscard]] std::vector<std::string> words_arg(const Value& args, std::string_view name);
[[nodiscard]] std::int64_t int_arg(const Value& args, std::string_view name, std::int64_t fallback);
[[nodiscard]] bool bool_arg(const Value& args, std::string_view name, bool fallback);
[[nodiscard]] std::map<std::string, std::string> string_map_arg(const Value& args, std::string_view name);

}  // namespace fencepost::run
