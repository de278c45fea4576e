// What the modes of Fence share. See fence.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "run/function.h"
#include "run/listed_entry.h"

namespace fencepost::functions {

// What has been fenced, as Fence's outputs tell it: one word a Pod.
struct Fenced {
    std::string pods, uids, obligations, replay_lsn;
    std::string state, timeline, system_identifier;  // of the last one whose pg_controldata could be read
    void add(const Value& pod, const std::string& obligation);
    void note(std::string_view control_data);
};

// Prints what pg_controldata says of PGDATA; kRuns, and fails, where PostgreSQL still runs on it.
inline constexpr const char* kControlFile =
    "if test -e \"$PGDATA/postmaster.pid\"; then echo PostgreSQL runs; exit 1; fi; "
    "LC_ALL=C exec pg_controldata \"$PGDATA\"";
inline constexpr std::string_view kRuns = "PostgreSQL runs";
inline constexpr std::string_view kState = "Database cluster state:";
// Of pg_controldata's text: what follows the label, "" where it is not there.
[[nodiscard]] std::string control_value(std::string_view text, std::string_view label);

// An obligation about the Pod, without what undoes it; `what` as in "is fenced".
[[nodiscard]] run::ObligationRequest obligation_for(const Value& args, const Value& pod, std::string kind,
                                                    std::string_view what);

// mode cnpg: fences the replica of a CloudNativePG Cluster that has replayed most, and returns once its
// PostgreSQL is shut down. Nothing is fenced where the Cluster is hibernated: all of it is shut down then.
// Errors: kFailedPrecondition where no replica will do, with what is the matter with each; kTimeout.
void fence_cnpg_replica(run::RunContext& run, const Value& args, Fenced& fenced);
[[nodiscard]] std::vector<run::Need> cnpg_needs(const Value& args);

// What the published hooks list in the annotation of the Pod's EDB Cluster; nullopt where the Pod belongs to
// none. Errors: kFailedPrecondition where the instance must not be stopped: another one is fenced already, or
// it is the primary and nobody has allowed that.
[[nodiscard]] std::optional<run::ListedEntry> edb_entry(run::RunContext& run, const Value& pod);

}  // namespace fencepost::functions
