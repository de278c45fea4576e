// sprig 2.22.0's text functions, a family a file; each exports its table. kanister.md 2.5 lists the 150
// names.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "template/function_entry.h"

namespace fencepost::tmpl::sprig {

using Table = std::span<const FunctionEntry>;
[[nodiscard]] Table strings();
[[nodiscard]] Table lists();
[[nodiscard]] Table dicts();
[[nodiscard]] Table encodings();
[[nodiscard]] Table numbers();
[[nodiscard]] Table dates();
[[nodiscard]] Table defaults();
[[nodiscard]] Table reflection();
[[nodiscard]] Table patterns();
[[nodiscard]] Table paths();
[[nodiscard]] Table urls();
[[nodiscard]] Table crypto();
[[nodiscard]] Table versions();

[[nodiscard]] bool is_version(const Value& value);  // what semver gives
// Makes every version in it 0.0.0: Go's copy of a struct leaves out the private fields, which all of these
// are.
void empty_versions(Value& value);
[[nodiscard]] Table version_methods();  // whose first parameter is the version

// --- what the families share
inline constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20U;  // that one call may make

[[noreturn]] void fail(const std::string& message);
// Adds to what a function makes: over kMaxTextBytes it throws Error{kExhausted}.
void append(std::string& out, std::string_view text);
[[nodiscard]] std::string strval(const Value& value);  // sprig's toString
[[nodiscard]] bool is_empty(const Value& value);       // sprig's empty
[[nodiscard]] bool is_untyped_nil(const Value& value);
[[nodiscard]] std::int64_t to_int64(const Value& value);  // sprig's int64: 0 for what is no number
[[nodiscard]] double to_float64(const Value& value);
[[nodiscard]] std::string kind_name(const Value& value);  // reflect.Kind: "map", "slice", "ptr"

}  // namespace fencepost::tmpl::sprig
