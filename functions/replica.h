// A streaming replica of PostgreSQL, asked by psql in its Pod. The arguments database, user and port of the
// function say how psql is called. Blocking; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "functions/exec.h"
#include "run/function.h"

namespace fencepost::functions {

inline constexpr std::string_view kDefaultDatabase = "postgres";

[[nodiscard]] std::vector<std::string> psql(const Value& args, std::string_view sql);
// The rows, their columns with a blank between. Errors: kInternal with what psql says.
[[nodiscard]] std::string query(run::RunContext& run, const Value& args, const ExecTarget& target,
                                std::string_view sql);
// Errors: kFailedPrecondition where it is a primary, its replay is paused, or it lags more than `maxLag`.
void check_replica(run::RunContext& run, const Value& args, const ExecTarget& target);

}  // namespace fencepost::functions
