// JSON Schemas (draft 2020-12) of our own kinds, for editors: the shapes that the API serves, closed where
// the validator takes no other field, and each function's arguments from the table that it is checked by.
// Pure.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/validate.h"
#include "value/value.h"

namespace fencepost::cli {

[[nodiscard]] const std::vector<std::string>& schema_kinds();
// REQUIRES: one of schema_kinds().
[[nodiscard]] Value json_schema(const std::string& kind, std::span<const model::FunctionSpec> functions);
// Of a file that may hold any of them.
[[nodiscard]] Value json_schema(std::span<const model::FunctionSpec> functions);

}  // namespace fencepost::cli
