// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same key with the same request makes one
// object, and the same answer, for 24 hours. The key decides the object's name and the request's digest is in
// it, so they are exactly as durable as the object itself, and two requests at once meet in the store. Keys
// belong to their caller. Thread-safe.
#pragma once

#include <functional>

#include "api/router.h"
#include "api/services.h"

namespace fencepost::api {

inline constexpr std::size_t kMaxKeyBytes = 255;
inline constexpr std::chrono::hours kKeyKept{24};

struct Creation {
    cluster::ResourceType type;
    std::string ns;
    std::string place;  // "/v1/actions/": where the new one is, before its name
    std::function<Value(const Value&)> view;
};

// Creates what `make` gives and answers 201. `body` is what the request asks for. Throws Problem 422 where
// the key was used for another request.
[[nodiscard]] net::ServerResponse create_once(Services& services, const Request& request, const Value& body,
                                              const Creation& creation, const std::function<Value()>& make);
// Of an ActionSet.
[[nodiscard]] net::ServerResponse create_action_once(Services& services, const Request& request,
                                                     const Value& body, const std::function<Value()>& make);

}  // namespace fencepost::api
