// The certificates of the API's listeners, from the files of SecurityOptions: read at the start, and again
// when one of them changes, so that they are renewed without a restart. Files that cannot be used then are
// told of in the log, and what was there goes on. A thread of its own looks every second. Thread-safe.
#pragma once

#include <functional>
#include <string>

#include "api/auth/security.h"
#include "base/cancel.h"
#include "base/log.h"
#include "base/task_group.h"

namespace fencepost::api {

struct Certificates {
    std::string certificate_pem, key_pem, client_ca_pem;
};
// Empty where there is no TLS. Throws Error{kInvalid}: a certificate without a key; what read_file() throws.
[[nodiscard]] Certificates read_certificates(const SecurityOptions& options);

class CertificateWatch {
  public:
    // `use` may throw Error: the certificates are none.
    CertificateWatch(SecurityOptions options, std::function<void(const Certificates&)> use, Log& log);
    CertificateWatch(const CertificateWatch&) = delete;
    CertificateWatch& operator=(const CertificateWatch&) = delete;
    ~CertificateWatch();

  private:
    void run();
    [[nodiscard]] std::string version() const;
    const SecurityOptions options_;
    const std::function<void(const Certificates&)> use_;
    Log& log_;
    CancelSource stop_;
    TaskGroup thread_;
};

}  // namespace fencepost::api
