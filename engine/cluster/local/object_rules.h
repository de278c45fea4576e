// What an API server does to an object before it is stored: names, defaults, what may not change, what only
// the status subresource may write, generations. Pure; thread-safe.
// Errors: Error{kInvalid} worded as Kubernetes', kConflict for a resourceVersion that is not the stored one.
#pragma once

#include <string>

#include "base/clock.h"
#include "cluster/cluster.h"

namespace fencepost::cluster::local {

// On every CustomResourceDefinition: its objects go before it does.
inline constexpr const char* kDefinitionFinalizer = "customresourcecleanup.apiextensions.k8s.io";

// A new object, complete but for uid, resourceVersion and a generated name.
[[nodiscard]] Value prepare_new(const ResourceDescription& type, Value object, SystemTime now);
// `wanted` over `stored`. Returns `stored` itself where nothing changes.
[[nodiscard]] Value prepare_change(const ResourceDescription& type, const Value& stored, Value wanted,
                                   const std::string& subresource);
[[nodiscard]] std::string qualified_name(const ResourceType& type);  // "actionsets.cr.kanister.io"
[[nodiscard]] bool has_finalizers(const Value& object) noexcept;

}  // namespace fencepost::cluster::local
