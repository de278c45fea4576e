// The CustomResourceDefinitions of the types that Fencepost names itself, as the Helm chart has them.
// Thread safety: any number of calls at once.
#pragma once

#include "base/cancel.h"
#include "base/clock.h"
#include "base/log.h"
#include "cluster/cluster.h"

namespace fencepost::cluster::kube {

// Creates those that are missing and waits until the server knows their types; one that is there stays as it
// is, for it may be Kanister's or K10's own. Throws as Cluster, kTimeout, and Cancelled.
void install_definitions(Cluster& cluster, Clock& clock, Log& log, const CancelToken& cancel);

// That of one type; nil for a type that the chart does not define.
[[nodiscard]] const Value& definition_of(const ResourceType& type);

}  // namespace fencepost::cluster::kube
