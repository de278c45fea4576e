#include "aws/sts.h"

#include "aws/query_client.h"
#include "base/error.h"
#include "base/files.h"

namespace fencepost::aws {
namespace {

constexpr const char* kSession = "fencepost";
constexpr std::size_t kMaxTokenBytes = 64 << 10U;

Credentials assume(const Sts& sts, std::optional<Credentials> who, const std::string& action,
                   Parameters parameters, const CancelToken& cancel) {
    const QueryClient client({.name = "sts",
                              .version = "2011-06-15",
                              .region = sts.region,
                              .endpoint = sts.endpoint,
                              .credentials = std::move(who)},
                             sts.http, sts.clock);
    const XmlNode result = client.call(action, std::move(parameters), cancel);
    const XmlNode* given = result.child("Credentials");
    if (given == nullptr) throw Error(ErrorKind::kDataLoss, "AWS sts " + action + " gave no credentials");
    return {.access_key_id = given->child_text("AccessKeyId"),
            .secret_access_key = Secret(given->child_text("SecretAccessKey")),
            .session_token = Secret(given->child_text("SessionToken"))};
}

}  // namespace

Credentials assume_role(const Sts& sts, const Credentials& who, const std::string& role_arn,
                        const CancelToken& cancel) {
    return assume(sts, who, "AssumeRole", {{"RoleArn", role_arn}, {"RoleSessionName", kSession}}, cancel);
}

Credentials assume_role_of_service_account(const Sts& sts, const Environment& environment,
                                           const CancelToken& cancel) {
    if (environment.role_arn.empty() || environment.web_identity_token_file.empty()) {
        throw Error(ErrorKind::kFailedPrecondition,
                    "the daemon's service account has no role in AWS: AWS_ROLE_ARN and "
                    "AWS_WEB_IDENTITY_TOKEN_FILE are not set",
                    "annotate its ServiceAccount with eks.amazonaws.com/role-arn, or use another "
                    "credentialsSource");
    }
    std::string token = read_file(environment.web_identity_token_file, kMaxTokenBytes);
    while (!token.empty() && token.back() == '\n') token.pop_back();
    return assume(sts, std::nullopt, "AssumeRoleWithWebIdentity",
                  {{"RoleArn", environment.role_arn},
                   {"RoleSessionName",
                    environment.role_session_name.empty() ? kSession : environment.role_session_name},
                   {"WebIdentityToken", token}},
                  cancel);
}

}  // namespace fencepost::aws
