// One S3 request: built, signed, sent, retried, its failure turned into an Error that says what to do. Knows
// buckets, keys and credentials; the operations are s3_location's. Path style where the profile names an
// endpoint, virtual-host style at AWS. Thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/sigv4.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "location/checksum.h"
#include "location/location.h"
#include "net/http_client.h"

namespace fencepost::location {

struct S3Request {
    std::string method = "GET";
    std::string key;  // whole, with the prefix; empty: the bucket itself
    std::vector<std::pair<std::string, std::string>> query;
    net::Headers headers;
    std::string_view body;                       // borrowed until the answer is there
    std::optional<Digest> body_sha256;           // where the caller knows it
    std::function<void(std::string_view)> sink;  // of the body of a good answer
};

class S3Client {
  public:
    S3Client(const ResolvedProfile& profile, net::HttpClient& http, Clock& clock);

    // One attempt. Statuses below 300 return; others throw, also an <Error> that comes with a 200.
    [[nodiscard]] net::HttpResponse send_once(const S3Request& request, const CancelToken& cancel) const;
    // With retries. REQUIRES: no sink (what it was given cannot be taken back).
    [[nodiscard]] net::HttpResponse send(const S3Request& request, const CancelToken& cancel) const;

    [[nodiscard]] const std::string& bucket() const noexcept { return bucket_; }
    [[nodiscard]] Clock& clock() const noexcept { return clock_; }

  private:
    [[nodiscard]] Error failure(const S3Request& request, int status, const net::Headers& headers,
                                std::string_view body) const;
    [[nodiscard]] std::string path_of(std::string_view key) const;

    net::HttpClient& http_;
    Clock& clock_;
    aws::SigningKey key_;
    Secret session_token_;
    std::string bucket_;
    std::string scheme_;  // "https"
    std::string host_;  // with the port, where it is not the scheme's; of virtual-host style with the bucket
    std::string base_;  // "" or "/path" of the endpoint and "/bucket" of path style
    net::TlsOptions tls_;
};

}  // namespace fencepost::location
