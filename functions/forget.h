// Deleting snapshots of a repository, as DeleteData and DeleteDataAll do it. By the daemon itself: no file of
// the cluster is needed for it.
#pragma once

#include <cstdint>
#include <string>

#include "location/repository.h"
#include "run/function.h"

namespace fencepost::functions {

// One that is gone already is what was wanted, and told in the phase's log: an attempt before this one may
// have been interrupted.
void forget(run::RunContext& run, location::Repository& repository, const std::string& id);

// Frees what no snapshot needs any more and returns how many bytes those were; 0 where the argument
// reclaimSpace is not true. A backup into the same repository is waited for, for a minute.
[[nodiscard]] std::uint64_t reclaim_space(run::RunContext& run, const Value& args,
                                          location::Repository& repository);

}  // namespace fencepost::functions
