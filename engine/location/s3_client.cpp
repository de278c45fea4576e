#include "location/s3_client.h"

#include <algorithm>

#include "aws/endpoint.h"
#include "base/encodings.h"
#include "base/error.h"
#include "location/s3_xml.h"
#include "net/retry.h"

namespace fencepost::location {
namespace {

bool is_aws(std::string_view host) noexcept {
    return host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
}

void check_bucket(std::string_view bucket) {
    const bool fits =
        bucket.size() >= 3 && bucket.size() <= 63 && std::all_of(bucket.begin(), bucket.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                   c == '.' || c == '_';
        });
    if (!fits) {
        throw Error(ErrorKind::kInvalid,
                    "profile: location.bucket '" + std::string(bucket) + "' is no bucket name");
    }
}

// AWS's code and versitygw's.
bool is_unknown_key(std::string_view code) noexcept {
    return code == "InvalidAccessKeyId" || code == "XAdminUserNotFound";
}

std::string_view hint_of(std::string_view code) noexcept {
    if (is_unknown_key(code)) return "the server does not know the profile's access key";
    if (code == "SignatureDoesNotMatch") return "the secret access key of the profile is wrong";
    if (code == "ExpiredToken" || code == "InvalidToken")
        return "the profile's session token is no longer valid";
    if (code == "RequestTimeTooSkewed") return "this host's clock is wrong";
    if (code == "AccessDenied") return "the profile's key may not do this in that bucket";
    if (code == "NoSuchBucket") return "make the bucket, or name another one in the profile";
    if (code == "XAmzContentSHA256Mismatch" || code == "BadDigest")
        return "the bytes were changed on their way";
    return {};
}

ErrorKind kind_of(int status, std::string_view code) noexcept {
    if (code == "RequestTimeout" || status == 408) return ErrorKind::kTimeout;
    if (code == "SlowDown" || code == "InternalError" || code == "ServiceUnavailable" || status == 429) {
        return ErrorKind::kUnavailable;
    }
    if (code == "BadDigest" || code == "XAmzContentSHA256Mismatch") return ErrorKind::kDataLoss;
    if (code == "NotImplemented" || status == 501) return ErrorKind::kUnsupported;
    if (code == "QuotaExceeded" || code == "EntityTooLarge" || status == 507) return ErrorKind::kExhausted;
    if (is_unknown_key(code) || code == "SignatureDoesNotMatch") return ErrorKind::kForbidden;
    switch (status) {
        case 401:
        case 403:
            return ErrorKind::kForbidden;
        case 404:
            return ErrorKind::kNotFound;
        case 409:  // two conditional writes at once: one of them may come again
            return code == "ConditionalRequestConflict" ? ErrorKind::kUnavailable : ErrorKind::kConflict;
        case 412:
            return ErrorKind::kAlreadyExists;
        default:
            if (status >= 500) return ErrorKind::kUnavailable;
            return status >= 400 ? ErrorKind::kInvalid : ErrorKind::kFailedPrecondition;
    }
}

// Some servers find out late that they cannot, and have begun to answer with a 200 by then.
bool hides_an_error(const net::HttpResponse& response) {
    return response.status == 200 && response.body.find("<Error>") != std::string::npos &&
           !parse_error_body(response.body).code.empty();
}

}  // namespace

S3Client::S3Client(const ResolvedProfile& profile, net::HttpClient& http, Clock& clock)
    : http_(http),
      clock_(clock),
      key_{.access_key_id = profile.access_key_id,
           .secret_access_key = profile.secret_access_key,
           .region = profile.region.empty() ? "us-east-1" : profile.region},
      session_token_(profile.session_token),
      bucket_(profile.bucket),
      tls_{.verify = !profile.skip_ssl_verify, .ca_bundle_pem = profile.ca_bundle_pem} {
    check_bucket(bucket_);
    const aws::Endpoint endpoint = aws::parse_endpoint(
        "profile: location.endpoint",
        profile.endpoint.empty() ? "https://s3." + key_.region + ".amazonaws.com" : profile.endpoint);
    scheme_ = endpoint.scheme;
    // A dot in the bucket's name would not fit the server's wildcard certificate.
    if (is_aws(endpoint.host) && bucket_.find_first_of("._") == std::string::npos) {
        host_ = endpoint.host.starts_with(bucket_ + ".") ? endpoint.host : bucket_ + "." + endpoint.host;
        base_ = endpoint.path;
    } else {
        host_ = endpoint.host;
        base_ = endpoint.path + "/" + bucket_;
    }
}

std::string S3Client::path_of(std::string_view key) const {
    const std::string path = base_ + (key.empty() ? "" : "/" + url_encode(key, true));
    return path.empty() ? "/" : path;
}

net::HttpResponse S3Client::send_once(const S3Request& request, const CancelToken& cancel) const {
    const SystemTime now = clock_.now();
    aws::Signable signable{.method = request.method,
                           .path = path_of(request.key),
                           .query = request.query,
                           .headers = request.headers};
    signable.payload_sha256 =
        hex_encode(as_text(request.body_sha256 ? *request.body_sha256 : sha256(request.body)));
    signable.headers.emplace_back("host", host_);
    signable.headers.emplace_back("x-amz-content-sha256", signable.payload_sha256);
    signable.headers.emplace_back("x-amz-date", aws::amz_date(now));
    if (!session_token_.is_empty()) {
        signable.headers.emplace_back("x-amz-security-token", session_token_.reveal());
    }
    net::HttpRequest http;
    http.method = request.method;
    http.url = scheme_ + "://" + host_ + signable.path;
    if (!request.query.empty()) http.url += "?" + aws::encode_query(request.query);
    http.headers = signable.headers;
    http.headers.emplace_back("authorization", aws::sign_v4(signable, key_, now));
    if (!request.body.empty()) {
        http.body_size = request.body.size();
        http.body_source = [rest = request.body](char* buffer, std::size_t size) mutable {
            const std::size_t piece = rest.copy(buffer, size);
            rest.remove_prefix(piece);
            return piece;
        };
    }
    http.body_sink = request.sink;
    http.tls = tls_;
    net::HttpResponse response = http_.request(std::move(http), cancel);
    if (response.status >= 300 || hides_an_error(response)) {
        throw failure(request, response.status == 200 ? 500 : response.status, response.headers,
                      response.body);
    }
    return response;
}

net::HttpResponse S3Client::send(const S3Request& request, const CancelToken& cancel) const {
    net::HttpResponse response;
    net::retry({}, clock_, cancel, [&] { response = send_once(request, cancel); });
    return response;
}

Error S3Client::failure(const S3Request& request, int status, const net::Headers& headers,
                        std::string_view body) const {
    const S3ErrorBody said = parse_error_body(body);
    const std::string object =
        "s3://" + bucket_ + (request.key.empty() ? "" : "/" + request.key) + " at " + scheme_ + "://" + host_;
    net::HttpResponse answer;
    answer.headers = headers;
    if (status == 301 || status == 307 || said.code == "PermanentRedirect") {
        const std::string region(answer.header("x-amz-bucket-region"));
        return {ErrorKind::kFailedPrecondition, object + ": the bucket is in another region",
                region.empty() ? "give the profile the bucket's region and endpoint"
                               : "set the profile's location.region to " + region};
    }
    if (said.code == "NoSuchBucket") {
        return {ErrorKind::kNotFound,
                "the bucket '" + bucket_ + "' does not exist at " + scheme_ + "://" + host_,
                std::string(hint_of(said.code))};
    }
    std::string why = "HTTP " + std::to_string(status);
    if (!said.code.empty()) why += " " + said.code;
    if (!said.message.empty()) why += ": " + said.message;
    std::string hint(hint_of(said.code));
    if (hint.empty() && (status == 401 || status == 403)) hint = "the profile's access key is not accepted";
    return {kind_of(status, said.code), request.method + " " + object + ": " + why, hint};
}

}  // namespace fencepost::location
