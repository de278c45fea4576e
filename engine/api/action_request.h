// POST /v1/actions: from a request's body to an ActionSet object. Everything that is wrong with the body is
// told in one answer; what the body leaves out is filled in from the earlier action (`from`) and from the
// bindings. Reads the cluster, writes nothing. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "api/auth/access.h"
#include "api/services.h"
#include "value/value.h"

namespace fencepost::api {

inline constexpr const char* kBlueprintReason = "fencepost.io/blueprint-reason";
inline constexpr const char* kFrom = "fencepost.io/from";
inline constexpr const char* kRetries = "fencepost.io/retries";

// Complete but for a name of its own: it has a generateName. Throws Problem 422 with causes; 403 where the
// caller is no operator of the subject's namespace, or no viewer of the profile's.
[[nodiscard]] Value action_set_from(const Value& body, const Access& access, Services& services);
// "backup-": what the names of an action's ActionSets start with.
[[nodiscard]] std::string name_prefix(std::string_view action);

}  // namespace fencepost::api
