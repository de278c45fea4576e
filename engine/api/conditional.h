// Conditional requests (RFC 9110): an object's ETag is its resourceVersion. GET with If-None-Match is
// answered 304 where nothing has changed; a change with If-Match is refused with 412 where somebody else came
// first. Pure; thread-safe.
#pragma once

#include <string>

#include "net/http_server.h"
#include "value/value.h"

namespace fencepost::api {

[[nodiscard]] std::string etag_of(const Value& object);
// Throws Problem 412 unless If-Match is absent, * or names the object's ETag.
void require_match(const net::ServerRequest& request, const Value& object);
// The view of an object with its ETag, or 304 where If-None-Match names it.
[[nodiscard]] net::ServerResponse tagged(const net::ServerRequest& request, const Value& object,
                                         const Value& view);

}  // namespace fencepost::api
