// Explain: which blueprint would run for a resource and why, binding by binding, requirement by requirement.
//
//     {winner, reason, blueprint: {name, namespace}?,
//      candidates: [{binding, namespace, blueprint, createdAt, disabled, valid, matched, note, shadowedBy?,
//                    items: [{list, index, key, operator, expected, observed?, result}]}],   in order of
//                    precedence
//      annotation: {present, value?, resolved?, overriddenBy?},
//      ownershipChain: [{apiVersion, kind, namespace, name, blueprint?, binding?, reason?}],   nearest owner
//      first pvcs: [name], actionsThatWillRun: [name], warnings: [text]}
//
// `winner` is a binding's name, or "" (the annotation decided, or nobody). Errors: as resolve(). Thread-safe.
#pragma once

#include <string_view>

#include "cluster/cluster.h"
#include "value/value.h"

namespace fencepost::binding {

[[nodiscard]] Value explain(cluster::Cluster& cluster, const cluster::ObjectKey& subject,
                            std::string_view controller_namespace);

}  // namespace fencepost::binding
