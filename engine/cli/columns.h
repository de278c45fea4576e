// The columns of `get`: those that the types' own definitions print (Kanister's for ActionSets, K10's for
// BlueprintBindings, kubectl's for the usual ones), NAME and AGE for all others. Pure; thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/cluster.h"

namespace fencepost::cli {

struct Column {
    std::string header;
    std::function<std::string(const Value& object, SystemTime now)> cell;
};

[[nodiscard]] std::vector<Column> columns_of(const cluster::ResourceType& type, bool with_namespace);

}  // namespace fencepost::cli
