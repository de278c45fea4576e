// Kubernetes' Status objects: how the facade tells of errors and of deletions. Pure; thread-safe.
#pragma once

#include "api/facade/target.h"
#include "api/problem.h"
#include "base/error.h"
#include "net/http_server.h"
#include "value/value.h"

namespace fencepost::api::facade {

[[nodiscard]] int status_code(const Error& error) noexcept;
[[nodiscard]] Value failure_status(int code, std::string_view reason, std::string_view message);
[[nodiscard]] Value failure_status(const Error& error, const Target* target = nullptr);
[[nodiscard]] Value success_status(const Target& target, std::string_view uid);
// The router's error format for facade routes.
[[nodiscard]] net::ServerResponse problem_as_status(const Problem& problem);

}  // namespace fencepost::api::facade
