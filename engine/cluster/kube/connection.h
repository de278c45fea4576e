// Where an API server is, whom to trust there, and what to show it: from a kubeconfig as kubectl reads it, or
// from what the kubelet puts into a Pod.
//
// Errors: Error{kNotFound} where the files are not there, kInvalid for what cannot be read, with the file's
// name, kUnsupported for a way to log in that Fencepost does not know. Thread safety: the values may be
// shared; `authorization` may be called from any thread. The clock outlives the connection.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "net/http_client.h"

namespace fencepost::cluster::kube {

struct Connection {
    std::string server;          // "https://10.0.0.1:6443", without a slash at the end
    std::string ns = "default";  // of the context, or of the Pod
    net::TlsOptions tls;
    std::string proxy;  // as net::HttpRequest::proxy
    // The Authorization header's value, "" where none is sent. A token in a file is read again after a
    // minute: the kubelet renews it there.
    std::function<std::string()> authorization;
    net::Headers headers;  // of every request (impersonation)
};

// As kubectl does: several files are merged, the first one that says something counts; paths in a file are
// relative to it. `context` "" is the file's current one.
[[nodiscard]] Connection read_kubeconfig(Clock& clock, const std::vector<std::filesystem::path>& files,
                                         std::string_view context = {});
// The files that the variable KUBECONFIG names, else ~/.kube/config.
[[nodiscard]] std::vector<std::filesystem::path> default_kubeconfig_files();

// This process runs in a Pod that has a service account.
[[nodiscard]] bool is_in_cluster();
// The API server of the Pod that this process runs in, as its service account.
[[nodiscard]] Connection in_cluster(Clock& clock);

}  // namespace fencepost::cluster::kube
