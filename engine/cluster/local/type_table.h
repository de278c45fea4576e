// The types that the embedded cluster serves: Kubernetes' own that blueprints touch, Kanister's, K10's
// bindings, ours, and whatever CustomResourceDefinition objects add. Thread-safe.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "cluster/cluster.h"

namespace fencepost::cluster::local {

class TypeTable {
  public:
    TypeTable();
    [[nodiscard]] std::optional<ResourceDescription> find(std::string_view group, std::string_view version,
                                                          std::string_view name) const;
    // Throws Error{kNotFound} as an API server words it.
    [[nodiscard]] ResourceDescription at(const ResourceType& type) const;
    [[nodiscard]] std::vector<ResourceDescription> all() const;

    // A CustomResourceDefinition: adds or replaces its versions. One of a type that is built in changes
    // nothing: the manifests of Kanister and of the snapshot controller can be applied as they are.
    void define(const Value& definition);
    void forget(const Value& definition);
    [[nodiscard]] static bool is_built_in(const Value& definition);

  private:
    mutable Guarded<std::vector<ResourceDescription>> types_;
};

}  // namespace fencepost::cluster::local
