// How the API's listeners are secured; the command line and the configuration file fill it. Paths; "" is
// none. A plain value.
#pragma once

#include <string>

namespace fencepost::api {

struct SecurityOptions {
    std::string tls_cert, tls_key;    // PEM files; read again when they change
    std::string client_ca;            // PEM file: client certificates that it has signed are believed
    std::string token_file;           // see identities.h; with it (or client_ca) there is authentication
    std::string socket;               // a Unix socket, for root and the daemon's own user
    int max_requests_per_second = 0;  // of each caller; 0 is as many as they like
};

}  // namespace fencepost::api
