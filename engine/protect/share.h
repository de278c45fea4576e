// Resources of one backup that are the same thing: one database, described by two Secrets. A blueprint's
// `backup` says so by sharedBy, a template of `.Object`: what comes to the same text is dumped once.
#pragma once

#include <string>

#include "cluster/cluster.h"

namespace fencepost::protect {

// What stands for the thing, among the resources of one backup; "" where its `backup` is for it alone. A
// digest, as the text may be made of a Secret. `resource` as in Plan::to_value(), `blueprint` as it is
// frozen. Throws what the template or the cluster throws.
[[nodiscard]] std::string share_of(cluster::Cluster& cluster, const Value& resource, const Value& blueprint);

}  // namespace fencepost::protect
