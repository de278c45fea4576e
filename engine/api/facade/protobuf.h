// Bodies in Kubernetes' protobuf encoding, which Go's typed clients send for its own kinds: `kubectl create
// namespace`, `create secret` and so on. What those commands send is read; a field that is not known here is
// an error that asks for JSON, so nothing is lost on the way. Answers are JSON, which such clients take.
// Pure; thread-safe.
#pragma once

#include <string_view>

#include "value/value.h"

namespace fencepost::api::facade {

inline constexpr const char* kProtobuf = "application/vnd.kubernetes.protobuf";

// Throws Error{kInvalid} for broken bytes, kUnsupported for kinds and fields that are not known.
[[nodiscard]] Value parse_protobuf(std::string_view body);

}  // namespace fencepost::api::facade
