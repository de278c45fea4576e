// The description of the REST API, OpenAPI 3.1: openapi.yaml, which is written by hand and built into the
// program. Pure; thread-safe.
#pragma once

#include "value/value.h"

namespace fencepost::api {

[[nodiscard]] Value openapi_document();

}  // namespace fencepost::api
