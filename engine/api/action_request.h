// POST /v1/actions: from a request's body to an ActionSet object. Everything that is wrong with the body is
// told in one answer; what the body leaves out is filled in from the earlier action (`from`) and from the
// bindings. Reads the cluster, writes nothing. Thread-safe.
#pragma once

#include <string>

#include "api/services.h"
#include "base/cancel.h"
#include "value/value.h"

namespace fencepost::api {

inline constexpr const char* kRequestDigest = "fencepost.io/request-digest";
inline constexpr const char* kBlueprintReason = "fencepost.io/blueprint-reason";
inline constexpr const char* kFrom = "fencepost.io/from";

// Throws Problem 422 with causes. `idempotency_key` may be empty; otherwise it decides the object's name.
[[nodiscard]] Value action_set_from(const Value& body, const std::string& idempotency_key,
                                    Services& services);

// The name of the ActionSet that a request with that key makes.
[[nodiscard]] std::string keyed_name(const std::string& idempotency_key);
[[nodiscard]] std::string digest_of(const Value& body);

}  // namespace fencepost::api
