// Subjects: the object that an action is about, as requests and command lines name it. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/body_check.h"
#include "cluster/cluster.h"
#include "model/objects.h"

namespace fencepost::api {

// Reads {kind | resource, group, apiVersion, name, namespace} and completes it from the cluster's types, as
// Kanister's ActionSets write it. Tells what is wrong in `check` and gives nullopt then.
[[nodiscard]] std::optional<model::ObjectReference> check_subject(BodyCheck& check,
                                                                  const std::string& pointer,
                                                                  cluster::Cluster& cluster);

// The object that a reference names. Throws Error{kInvalid} for a type that the cluster does not have.
[[nodiscard]] cluster::ObjectKey subject_key(const model::ObjectReference& reference,
                                             cluster::Cluster& cluster);

}  // namespace fencepost::api
