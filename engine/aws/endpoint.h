// Where a server is, as AWS' tools take it: "https://s3.example.com", "http://10.0.0.5:9000/path", or a host
// alone. Pure. Errors: kInvalid, which begins with `what`, the setting that said it.
#pragma once

#include <string>
#include <string_view>

namespace fencepost::aws {

struct Endpoint {
    std::string scheme = "https";
    std::string host;  // as HTTP clients send the Host header, which is signed
    std::string path;  // without a slash at its end
};

[[nodiscard]] Endpoint parse_endpoint(std::string_view what, std::string_view text);

}  // namespace fencepost::aws
