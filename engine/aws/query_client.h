// AWS' query protocol, which RDS and STS speak: a form is posted, XML is answered. Signs, sends, tries again
// what was throttled or lost on its way, and turns a refusal into an Error that names AWS' code. Where that
// is lost on its way has been done all the same, a repeat is told kAlreadyExists or kNotFound: callers expect
// both.
//
// Errors: kNotFound, kAlreadyExists, kConflict (it is in a state that forbids it), kForbidden, kExhausted (a
// quota), kUnavailable (throttled for too long, not reached), else kInvalid. Thread-safe; blocking.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "aws/endpoint.h"
#include "aws/environment.h"
#include "aws/xml.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "net/http_client.h"

namespace fencepost::aws {

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct Service {
    std::string name;                        // as it is signed and as its host begins: "rds"
    std::string version;                     // of its API: "2014-10-31"
    std::string region;                      // "" is an error
    std::string endpoint;                    // "" is AWS' own in that region
    std::optional<Credentials> credentials;  // none: requests are not signed
};

class QueryClient {
  public:
    // The client and the clock are borrowed.
    QueryClient(Service service, net::HttpClient& http, Clock& clock);

    // The element <{action}Result> of the answer; empty where there is none. Parameters with an empty value
    // are left out.
    XmlNode call(const std::string& action, Parameters parameters, const CancelToken& cancel) const;

  private:
    [[nodiscard]] std::string send(const std::string& action, const std::string& form,
                                   const CancelToken& cancel) const;
    [[nodiscard]] Error failure(const std::string& action, const net::HttpResponse& response) const;

    Service service_;
    Endpoint endpoint_;
    net::HttpClient& http_;
    Clock& clock_;
};

}  // namespace fencepost::aws
