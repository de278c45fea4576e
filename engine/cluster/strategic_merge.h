// Kubernetes' strategic merge patch over the built-in types: lists of the core API merge by their key
// (containers by name, ports by number ...), others are replaced; directives $patch, $setElementOrder/x,
// $deleteFromPrimitiveList/x and $retainKeys are honoured. The keys are those of the API's OpenAPI extension
// x-kubernetes-patch-merge-key, by field name. Pure; thread-safe. Errors: Error{kInvalid} for a list item
// without its key or an unknown directive.
#pragma once

#include "value/value.h"

namespace fencepost::cluster {

[[nodiscard]] Value strategic_merge(const Value& target, const Value& patch);
// RFC 7396.
[[nodiscard]] Value json_merge(const Value& target, const Value& patch);

}  // namespace fencepost::cluster
