// The applications that a policy is for: namespaces, as Kasten's selectors choose them. A term about the key
// k10.kasten.io/appNamespace looks at the namespace's name (`*` in a value fits any part of it); a label
// selects a namespace that has it, or in which any object has it. The annotation
// k10.kasten.io/ignorebackuppolicy keeps a namespace out. Blocking; any thread. Errors: kInvalid; what the
// cluster throws.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cluster/cluster.h"

namespace fencepost::protect {

inline constexpr const char* kOptOut = "k10.kasten.io/ignorebackuppolicy";  // of a namespace

// By name. Nothing where the selector selects nothing: there is no selector for everything but `*`.
[[nodiscard]] std::vector<std::string> applications_of(cluster::Cluster& cluster, const Value& selector);

// Do the selector's terms about names choose this one? All names where it has none. For applications that
// are not here yet: REQUIRES: the selector has no other terms.
[[nodiscard]] bool selects_name(const Value& selector, const std::string& name);

// Does `pattern` fit the name? Only `*` is special.
[[nodiscard]] bool fits_pattern(std::string_view pattern, std::string_view name);

}  // namespace fencepost::protect
