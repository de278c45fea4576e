// What StatefulSets, ReplicaSets and Deployments share. Thread-safe.
#pragma once

#include <string>
#include <vector>

#include "cluster/cluster.h"

namespace fencepost::cluster::local {

[[nodiscard]] Value controller_reference(const Value& owner);
[[nodiscard]] bool is_controlled_by(const Value& object, const Value& owner);
// Those that `owner` controls.
[[nodiscard]] std::vector<Value> controlled(Cluster& cluster, const ResourceType& type, const Value& owner);
[[nodiscard]] bool is_ready(const Value& pod);
[[nodiscard]] bool is_leaving(const Value& object);
[[nodiscard]] bool is_finished(const Value& pod);  // Succeeded or Failed
// Ten letters that change when the template does.
[[nodiscard]] std::string template_hash(const Value& pod_template);
// A Pod after the template, owned; name and namespace are the caller's.
[[nodiscard]] Value pod_from(const Value& pod_template, const Value& owner);
void write_status(Cluster& cluster, const ResourceType& type, const Value& object, const Value& status);
// Deleting what is gone already is fine.
void remove_object(Cluster& cluster, const ResourceType& type, const Value& object);
// What exists already is fine.
void create_if_absent(Cluster& cluster, const ResourceType& type, const Value& object);

}  // namespace fencepost::cluster::local
