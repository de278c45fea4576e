// A location that is named on a command line: a URI (file:///folder, s3://bucket/prefix) with what S3 needs
// beside it, or a profile's JSON. Credentials come from a file in AWS' format, or from the environment by
// AWS' names: never from the command line, which every process sees. Mistakes that people make in these (a
// quote that does not end, a stray letter, a placeholder) are told by file, line and column. Pure but for
// reading the file.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "location/location.h"

namespace fencepost::location {

struct Address {
    std::string profile;  // JSON, as `toJson .Profile`; stronger than the rest
    std::string uri;
    std::string region, endpoint;  // "": AWS_REGION, AWS_ENDPOINT_URL_S3
    std::string
        credentials_file;  // "": AWS_SHARED_CREDENTIALS_FILE, or the keys themselves from the environment
};

using EnvironmentVariable = std::function<std::optional<std::string>(const std::string& name)>;

// What an Address leaves open is FENCEPOST_PROFILE or FENCEPOST_LOCATION. kInvalid.
[[nodiscard]] ResolvedProfile resolve(const Address& address, const EnvironmentVariable& variable);

// The URI alone. kInvalid.
[[nodiscard]] ResolvedProfile parse_uri(std::string_view uri);

struct KeyPair {
    std::string access_key_id;
    Secret secret_access_key, session_token;
};
// Of a file in AWS' format, its section of that name; `file` is for messages. kInvalid.
[[nodiscard]] KeyPair parse_credentials(std::string_view text, std::string_view file,
                                        std::string_view section);

}  // namespace fencepost::location
