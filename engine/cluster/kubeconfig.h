// A kubeconfig: where an API server is and how to talk to it, as kubectl and the client libraries read it.
// Pure; thread-safe.
#pragma once

#include <string>

namespace fencepost::cluster {

struct Kubeconfig {
    std::string server;           // http:// or https://
    std::string ns = "default";   // of commands that name none
    std::string authority_file;   // whom to trust; "" leaves that to the system
    std::string authority_pem;    // the same as text
    std::string certificate_pem;  // what the client shows of itself, and its key
    std::string key_pem;
    std::string token_file;  // read again now and then; "" sends no token
    std::string user = "fencepost";
};

[[nodiscard]] std::string to_yaml(const Kubeconfig& config);

}  // namespace fencepost::cluster
