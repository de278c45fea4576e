// How Pods of the embedded cluster reach its API: a port on loopback with TLS, a token, and the usual files
// at the usual place, so that kubectl, client-go and the Python client work in a container as they do in any
// Pod.
//
// In-cluster configurations of client libraries insist on https and on these files, so plain HTTP would not
// do. The kubeconfig beside them is for programs that look for one first: a container sees this host's files,
// and kubectl in it must never find the configuration of somebody's real cluster.
//
// Made once for a data folder and kept in api-access.json (0600): Pods outlive the daemon, and what they were
// told must stay true. Errors: of the file system.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/clock.h"

namespace fencepost::cluster::local {

inline constexpr const char* kApiAccessFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

struct ApiAccess {
    std::uint16_t port = 0;
    std::string token;
    std::string authority_pem;
    std::string certificate_pem;
    std::string key_pem;

    // For kApiAccessFolder: token, ca.crt, namespace, kubeconfig.
    [[nodiscard]] std::map<std::string, std::string> files(const std::string& ns) const;
    // KUBERNETES_SERVICE_HOST and so on.
    [[nodiscard]] std::map<std::string, std::string> variables() const;
};

// Reads it, or makes it where it is not there, has run out or its port is taken.
// REQUIRES: the data folder's lock is held.
[[nodiscard]] ApiAccess open_api_access(const std::filesystem::path& data_dir, SystemTime now);
// As open_api_access() left it.
[[nodiscard]] ApiAccess read_api_access(const std::filesystem::path& data_dir);

}  // namespace fencepost::cluster::local
