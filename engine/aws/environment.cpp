#include "aws/environment.h"

#include <initializer_list>

namespace fencepost::aws {

Environment read_environment(
    const std::function<std::optional<std::string>(const std::string& name)>& variable) {
    const auto first = [&](std::initializer_list<const char*> names) {
        for (const char* name : names) {
            if (const auto value = variable(name); value && !value->empty()) return *value;
        }
        return std::string();
    };
    return {.region = first({"AWS_REGION", "AWS_DEFAULT_REGION"}),
            .rds_endpoint = first({"AWS_ENDPOINT_URL_RDS", "AWS_ENDPOINT_URL"}),
            .sts_endpoint = first({"AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"}),
            .role_arn = first({"AWS_ROLE_ARN"}),
            .role_session_name = first({"AWS_ROLE_SESSION_NAME"}),
            .web_identity_token_file = first({"AWS_WEB_IDENTITY_TOKEN_FILE"})};
}

}  // namespace fencepost::aws
