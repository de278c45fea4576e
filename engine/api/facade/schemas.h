// What the objects of a type look like, as OpenAPI 3.0 schemas: Kanister's kinds in full, the usual kinds of
// Kubernetes in outline (their spec is open), a custom type, as most of ours are, as its
// CustomResourceDefinition says. Pure; thread-safe.
#pragma once

#include "cluster/cluster.h"
#include "value/value.h"

namespace fencepost::api::facade {

// The schema of a whole object; `definition` is the type's CustomResourceDefinition, nil where it has none.
[[nodiscard]] Value schema_of(const cluster::ResourceDescription& type, const Value& definition);
// Of metadata, to which the schemas of objects refer by kObjectMeta.
[[nodiscard]] const Value& object_meta_schema();
inline constexpr const char* kObjectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

}  // namespace fencepost::api::facade
