// AWS' Security Token Service: credentials of a role, for one hour. Blocking; thread-safe. Errors: as
// query_client.h's.
#pragma once

#include <string>

#include "aws/environment.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "net/http_client.h"

namespace fencepost::aws {

// Where the STS is, and what is borrowed to ask it.
struct Sts {
    std::string region;
    std::string endpoint;  // "" is AWS' own
    net::HttpClient& http;
    Clock& clock;
};

// As whoever has these credentials, who must be allowed to.
[[nodiscard]] Credentials assume_role(const Sts& sts, const Credentials& who, const std::string& role_arn,
                                      const CancelToken& cancel);

// As the Kubernetes service account whose token is in the environment's file, which the kubelet renews.
// Errors: kFailedPrecondition where the environment names no role and no file.
[[nodiscard]] Credentials assume_role_of_service_account(const Sts& sts, const Environment& environment,
                                                         const CancelToken& cancel);

}  // namespace fencepost::aws
