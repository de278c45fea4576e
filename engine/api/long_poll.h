// ?wait=30s on an object: the answer comes when it has ended, or when the time is over, whichever is first.
// Blocking; thread-safe. Errors: Problem 400 for what is no duration, 404 where the object is deleted
// meanwhile.
#pragma once

#include <functional>

#include "api/services.h"
#include "net/http_server.h"

namespace fencepost::api {

// `object` as it is now; `what` as in "the action 'x'".
[[nodiscard]] Value wait_for_end(Services& services, const net::ServerRequest& request,
                                 const cluster::ResourceType& type, Value object, const std::string& what,
                                 const std::function<bool(const Value&)>& has_ended);

}  // namespace fencepost::api
