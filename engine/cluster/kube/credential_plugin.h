// Credential plugins of kubeconfigs: programs that a cloud's users log in with (`exec` of a user), by the
// client.authentication.k8s.io protocol, v1 and v1beta1. Errors: kUnsupported for one that must talk to
// somebody, kNotFound with the kubeconfig's own hint where the program is not there, kUnauthorized where it
// fails.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/clock.h"
#include "value/value.h"

namespace fencepost::cluster::kube {

struct PluginCredential {
    std::string token, client_certificate_pem, client_key_pem;
    std::optional<SystemTime> expires_at;
};

// `user` is the kubeconfig's `exec`, `cluster` the `cluster` that it is for; a relative path of the program
// is from `folder`. Takes as long as the program, a minute at most.
[[nodiscard]] PluginCredential run_credential_plugin(const Value& user, const Value& cluster,
                                                     const std::filesystem::path& folder);

}  // namespace fencepost::cluster::kube
