// Who is asking AWS, and where AWS is. Environment is what the process was started with, by the names that
// AWS' own tools and libraries read, so that what works for them works here: an endpoint in the private
// network, the role of a Kubernetes service account. Plain data; thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/secret.h"

namespace fencepost::aws {

struct Credentials {
    std::string access_key_id;
    Secret secret_access_key;
    Secret session_token;
};

struct Environment {
    std::string region;                   // AWS_REGION, else AWS_DEFAULT_REGION
    std::string rds_endpoint;             // AWS_ENDPOINT_URL_RDS, else AWS_ENDPOINT_URL; "" is AWS' own
    std::string sts_endpoint;             // AWS_ENDPOINT_URL_STS, else AWS_ENDPOINT_URL
    std::string role_arn;                 // AWS_ROLE_ARN
    std::string role_session_name;        // AWS_ROLE_SESSION_NAME
    std::string web_identity_token_file;  // AWS_WEB_IDENTITY_TOKEN_FILE
};

[[nodiscard]] Environment read_environment(
    const std::function<std::optional<std::string>(const std::string& name)>& variable);

}  // namespace fencepost::aws
