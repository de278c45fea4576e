#include "aws/query_client.h"

#include <array>

#include "aws/sigv4.h"
#include "base/encodings.h"
#include "base/error.h"
#include "net/retry.h"

namespace fencepost::aws {
namespace {

// RDS allows few requests a second, to all of an account together.
constexpr net::RetryPolicy kPatience{.attempts = 10,
                                     .first_delay = std::chrono::milliseconds{500},
                                     .longest_delay = std::chrono::milliseconds{20'000}};

std::string own_endpoint(const Service& service) {
    const std::string_view domain =
        service.region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
    return "https://" + service.name + "." + service.region + std::string(domain);
}

Endpoint endpoint_of(const Service& service) {
    if (service.region.empty() || service.region.find_first_of("/@?#:. \t\r\n") != std::string::npos) {
        throw Error(
            ErrorKind::kInvalid, "'" + service.region + "' is no AWS region",
            "give the argument 'region', the profile's location.region, or AWS_REGION in the daemon's "
            "environment");
    }
    return parse_endpoint("AWS_ENDPOINT_URL",
                          service.endpoint.empty() ? own_endpoint(service) : service.endpoint);
}

bool is_one_of(std::string_view code, std::initializer_list<std::string_view> codes) {
    for (const std::string_view candidate : codes) {
        if (code == candidate) return true;
    }
    return false;
}

bool is_refused(std::string_view code) {
    return is_one_of(
        code, {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "InvalidClientTokenId",
               "SignatureDoesNotMatch", "ExpiredToken", "ExpiredTokenException", "AuthFailure",
               "MissingAuthenticationToken", "OptInRequired", "InvalidIdentityToken"});
}

// AWS' codes: a fault's name says what it is, with and without "Fault" at its end.
ErrorKind kind_of(int status, std::string_view code) {
    if (is_one_of(code, {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
                         "RequestThrottledException", "RequestLimitExceeded", "TooManyRequestsException",
                         "SlowDown", "InternalFailure", "ServiceUnavailable", "RequestTimeout"}) ||
        status == 429 || status >= 500) {
        return ErrorKind::kUnavailable;
    }
    if (is_refused(code)) return ErrorKind::kForbidden;
    if (code.ends_with("Fault")) code.remove_suffix(std::string_view("Fault").size());
    if (code.ends_with("NotFound")) return ErrorKind::kNotFound;
    if (code.ends_with("AlreadyExists")) return ErrorKind::kAlreadyExists;
    if (code.ends_with("QuotaExceeded") || code.starts_with("Insufficient")) return ErrorKind::kExhausted;
    if (code.starts_with("Invalid") && code.ends_with("State")) return ErrorKind::kConflict;
    return status == 401 || status == 403 ? ErrorKind::kForbidden : ErrorKind::kInvalid;
}

std::string hint_of(std::string_view code, const std::string& action, const std::string& service) {
    if (code == "SignatureDoesNotMatch") return "the secret access key is wrong";
    if (code == "InvalidClientTokenId") return "AWS does not know the access key";
    if (code.starts_with("ExpiredToken")) return "the session token is no longer valid";
    if (code.starts_with("AccessDenied") || code == "UnauthorizedOperation")
        return "the key's policy must allow " + service + ":" + action;
    return {};
}

struct Refusal {
    std::string code, message;
};

// What is no such document (a proxy's page) has no code.
Refusal refusal_of(std::string_view body) {
    try {
        const XmlNode root = parse_xml(body);
        const XmlNode* several = root.child("Errors");  // as EC2 has it
        const XmlNode* error = several == nullptr ? root.child("Error") : several->child("Error");
        if (error == nullptr) return {};
        return {error->child_text("Code"), error->child_text("Message")};
    } catch (const Error&) {
        return {};
    }
}

}  // namespace

QueryClient::QueryClient(Service service, net::HttpClient& http, Clock& clock)
    : service_(std::move(service)), endpoint_(endpoint_of(service_)), http_(http), clock_(clock) {}

XmlNode QueryClient::call(const std::string& action, Parameters parameters, const CancelToken& cancel) const {
    std::erase_if(parameters, [](const auto& parameter) { return parameter.second.empty(); });
    parameters.emplace_back("Action", action);
    parameters.emplace_back("Version", service_.version);
    const std::string form = encode_query(std::move(parameters));
    std::string answer;
    net::retry(kPatience, clock_, cancel, [&] { answer = send(action, form, cancel); });
    const XmlNode root = parse_xml(answer);
    const XmlNode* result = root.child(action + "Result");
    return result == nullptr ? XmlNode{} : *result;
}

std::string QueryClient::send(const std::string& action, const std::string& form,
                              const CancelToken& cancel) const {
    const SystemTime now = clock_.now();
    Signable signable{.method = "POST",
                      .path = endpoint_.path + "/",
                      .query = {},
                      .headers = {{"host", endpoint_.host},
                                  {"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
                                  {"x-amz-date", amz_date(now)}},
                      .payload_sha256 = sha256_hex(form)};
    net::HttpRequest request;
    if (service_.credentials) {
        const Credentials& who = *service_.credentials;
        if (!who.session_token.is_empty())
            signable.headers.emplace_back("x-amz-security-token", who.session_token.reveal());
        request.headers.emplace_back("authorization", sign_v4(signable,
                                                              {.access_key_id = who.access_key_id,
                                                               .secret_access_key = who.secret_access_key,
                                                               .region = service_.region,
                                                               .service = service_.name},
                                                              now));
    }
    request.headers.insert(request.headers.end(), signable.headers.begin(), signable.headers.end());
    request.method = signable.method;
    request.url = endpoint_.scheme + "://" + endpoint_.host + signable.path;
    request.body = form;
    const net::HttpResponse response = http_.request(std::move(request), cancel);
    if (response.status >= 300) throw failure(action, response);
    return response.body;
}

Error QueryClient::failure(const std::string& action, const net::HttpResponse& response) const {
    const Refusal said = refusal_of(response.body);
    std::string why = said.code.empty() ? "HTTP " + std::to_string(response.status) : said.code;
    if (!said.message.empty()) why += ": " + said.message;
    return {kind_of(response.status, said.code),
            "AWS " + service_.name + " " + action + " at " + endpoint_.host + ": " + why,
            hint_of(said.code, action, service_.name)};
}

}  // namespace fencepost::aws
