// The columns of tables, as `kubectl get` shows them: kubectl's own for the usual types, Kanister's for
// ActionSets, K10's for BlueprintBindings, and for a custom type those that its CustomResourceDefinition
// prints. Pure; thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/cluster.h"
#include "value/value.h"

namespace fencepost::api::facade {

struct Column {
    std::string name;
    std::string type = "string";                                     // string, integer, boolean, date
    bool is_wide = false;                                            // shown with -o wide only
    std::function<Value(const Value& object, SystemTime now)> cell;  // nil is a blank
};

// `definition` is the type's CustomResourceDefinition, nil for a type that has none.
[[nodiscard]] std::vector<Column> columns_of(const cluster::ResourceType& type, const Value& definition);

}  // namespace fencepost::api::facade
