#include "aws/endpoint.h"

#include "base/error.h"

namespace fencepost::aws {

Endpoint parse_endpoint(std::string_view what, std::string_view text) {
    Endpoint endpoint;
    std::string_view rest = text;
    if (const std::size_t colon = rest.find("://"); colon != std::string_view::npos) {
        endpoint.scheme = rest.substr(0, colon);
        rest.remove_prefix(colon + 3);
    }
    const std::size_t slash = rest.find('/');
    endpoint.host = rest.substr(0, slash);
    if (slash != std::string_view::npos) endpoint.path = rest.substr(slash);
    while (!endpoint.path.empty() && endpoint.path.back() == '/') endpoint.path.pop_back();
    const bool plain = endpoint.host.find_first_of("@?# \t\r\n") == std::string::npos &&
                       endpoint.path.find_first_of("?# \t\r\n") == std::string::npos;
    if ((endpoint.scheme != "https" && endpoint.scheme != "http") || endpoint.host.empty() || !plain) {
        throw Error(ErrorKind::kInvalid, std::string(what) + " '" + std::string(text) + "' is no endpoint",
                    "it looks like https://s3.example.com or http://10.0.0.5:9000");
    }
    const std::string_view usual = endpoint.scheme == "https" ? ":443" : ":80";
    if (endpoint.host.ends_with(usual)) endpoint.host.resize(endpoint.host.size() - usual.size());
    return endpoint;
}

}  // namespace fencepost::aws
