// Who asked for an action, as the embedded cluster's API keeps it: see cluster/requester.h. Thread-safe.
#pragma once

#include <optional>

#include "api/facade/target.h"
#include "cluster/cluster.h"

namespace fencepost::api::facade {

// On a new action, in place of what the client wrote there.
void mark_requester(const Target& target, const std::string& caller, Value& object);

// What an action that is there says; of other objects and new ones nothing.
class KeptRequester {
  public:
    KeptRequester(cluster::Cluster& cluster, const Target& target);
    void check(const Value& written) const;  // throws Problem 422 where it says something else

  private:
    std::optional<std::string> before_;
};

}  // namespace fencepost::api::facade
