// Kubernetes' strategic merge patch over the built-in types: lists of the core API merge by their key
// (containers by name, ports by number ...), others are replaced; directives $patch, $setElementOrder/x,
// $deleteFromPrimitiveList/x and $retainKeys are honoured. The keys are those of the API's OpenAPI extension
// x-kubernetes-patch-merge-key, by field name. Pure; thread-safe. Errors: Error{kInvalid} for a list item
// without its key or an unknown directive.
#pragma once

#include <string_view>

#include "value/value.h"

namespace fencepost::cluster {

// The key by which the items of a list of that name merge, "" where the list is replaced; and whether it is a
// list of plain values that merge.
[[nodiscard]] std::string_view merge_key(std::string_view field, const List& items);
[[nodiscard]] bool is_primitive_merge(std::string_view field);

[[nodiscard]] Value strategic_merge(const Value& target, const Value& patch);
// RFC 7396.
[[nodiscard]] Value json_merge(const Value& target, const Value& patch);

}  // namespace fencepost::cluster
