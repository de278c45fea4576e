// The matcher: does a binding take a resource? Pure, so that it is tested as a table. A Subject is the
// resource with what discovery says of its type; matching looks at nothing else. An item of matchAll or
// matchAny holds as Kubernetes selectors do: NotIn also where the key is absent. A binding matches where
// every item of matchAll holds and, if matchAny has items, one of them. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "cluster/cluster.h"
#include "model/binding.h"
#include "value/value.h"

namespace fencepost::binding {

inline constexpr const char* kBlueprintAnnotation = "kanister.kasten.io/blueprint";

struct Subject {
    Value object;
    cluster::ResourceDescription type;
    std::vector<std::string> versions;  // all that the cluster serves this type in: a pattern may name any
};
// Takes the versions from what the cluster serves (Cluster::types()).
[[nodiscard]] Subject make_subject(Value object, cluster::ResourceDescription type,
                                   const std::vector<cluster::ResourceDescription>& served);

[[nodiscard]] bool holds(const model::Requirement& requirement, const Subject& subject);
[[nodiscard]] bool matches(const model::Binding& binding, const Subject& subject);
// The order of precedence: created earlier, then (within the same second) by name.
[[nodiscard]] bool precedes(const model::Binding& a, const model::Binding& b);

// For people: what the requirement asks for ("[postgresql.cnpg.io clusters]"), and what it meets in the
// subject; nil where the key is absent.
[[nodiscard]] std::string expected_of(const model::Requirement& requirement);
[[nodiscard]] Value observed_of(const model::Requirement& requirement, const Subject& subject);

}  // namespace fencepost::binding
