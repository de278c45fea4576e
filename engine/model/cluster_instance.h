// Which instance of which database cluster an object is of, by the labels that EDB's and CloudNativePG's
// operators give to what they make. Pure; thread-safe.
#pragma once

#include <string>

#include "value/value.h"

namespace fencepost::model {

struct ClusterInstance {
    std::string cluster, instance;  // "": the labels do not say
};
[[nodiscard]] ClusterInstance instance_of(const Value& object);

}  // namespace fencepost::model
