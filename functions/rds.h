// Amazon RDS: what the four functions about it share. A database is an instance, or a cluster where dbEngine
// is one of Aurora's.
//
// Waiting is looking again, with pauses that grow to kRdsPause, until the phase's or action's deadline; a
// state that nothing leads out of (failed, incompatible-restore, ...) ends it at once. What was begun in an
// attempt that a daemon died in is found by its name, derived_id(), and gone on with. Blocking; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "aws/rds.h"
#include "model/validate.h"
#include "run/function.h"

namespace fencepost::functions {

inline constexpr std::chrono::seconds kRdsPause{15};
inline constexpr std::size_t kMaxDatabaseId = 63;
inline constexpr std::size_t kMaxSnapshotId = 255;

// The arguments credentialsSource, credentialsSecret and region, which all take.
[[nodiscard]] std::vector<model::ArgSpec> with_aws_args(std::vector<model::ArgSpec> args);
// Throws kInvalid where they do not lead to credentials and a region.
[[nodiscard]] aws::Rds open_rds(run::RunContext& run, const Value& args);

[[nodiscard]] aws::DatabaseKind database_kind(const Value& args);  // by dbEngine
// A list, or the text of one in YAML, as outputs have it; nullopt where it is absent.
[[nodiscard]] std::optional<std::vector<std::string>> list_arg(const Value& args, std::string_view name);
// As the outputs have such a list.
[[nodiscard]] std::string list_text(const std::vector<std::string>& items);
// securityGroupID, or those of the database as it is. Throws kNotFound where there is neither.
[[nodiscard]] std::vector<std::string> security_groups(run::RunContext& run, const aws::Rds& rds,
                                                       aws::DatabaseKind kind, const std::string& id,
                                                       const Value& args);

// "<database>-<ten characters of this attempt>", cut to fit.
[[nodiscard]] std::string derived_id(const run::RunContext& run, const std::string& database,
                                     std::size_t longest);

// One that is there already was begun by a request whose answer was lost, or by a daemon that died.
void restore_or_adopt(run::RunContext& run, const aws::Rds& rds, aws::DatabaseKind kind,
                      const aws::RestoreRequest& request);
// The database, once it is available.
aws::Database wait_until_available(run::RunContext& run, const aws::Rds& rds, aws::DatabaseKind kind,
                                   const std::string& id);
aws::Snapshot wait_until_snapshot_available(run::RunContext& run, const aws::Rds& rds, aws::DatabaseKind kind,
                                            const std::string& id);
// Fine where there is none. A cluster's instances go with it.
void remove_database(run::RunContext& run, const aws::Rds& rds, aws::DatabaseKind kind,
                     const std::string& id);
void remove_snapshot(run::RunContext& run, const aws::Rds& rds, aws::DatabaseKind kind,
                     const std::string& id);

}  // namespace fencepost::functions
