// The part of Kubernetes' JSONPath that conditions use: .name, ['name'], [n], [-n], [*] and
// [?(@.path=="text")]. Pure; thread-safe. Errors: Error{kInvalid} for a malformed path; what is absent gives
// no result.
#pragma once

#include <string_view>
#include <vector>

#include "value/value.h"

namespace fencepost::functions {

// `path` as between the braces: "$.status.phase".
[[nodiscard]] std::vector<Value> json_path(const Value& root, std::string_view path);

}  // namespace fencepost::functions
