#include "api/auth/certificates.h"

#include <sys/stat.h>

#include "base/error.h"
#include "base/files.h"

namespace fencepost::api {
namespace {

constexpr std::chrono::seconds kLookEvery{1};

}  // namespace

Certificates read_certificates(const SecurityOptions& options) {
    if (options.tls_cert.empty() != options.tls_key.empty()) {
        throw Error(ErrorKind::kInvalid, "TLS needs a certificate and its key, and one of them is missing",
                    "give both: --tls-cert FILE --tls-key FILE");
    }
    if (!options.client_ca.empty() && options.tls_cert.empty()) {
        throw Error(ErrorKind::kInvalid, "client certificates need TLS",
                    "give --tls-cert and --tls-key with --client-ca");
    }
    if (!options.client_ca.empty() && options.token_file.empty()) {
        throw Error(ErrorKind::kInvalid, "which client certificate has which role is not known",
                    "give --token-file; fencepost token create --certificate adds to it");
    }
    if (options.tls_cert.empty()) return {};
    return {read_file(options.tls_cert), read_file(options.tls_key),
            options.client_ca.empty() ? "" : read_file(options.client_ca)};
}

CertificateWatch::CertificateWatch(SecurityOptions options, std::function<void(const Certificates&)> use,
                                   Log& log)
    : options_(std::move(options)), use_(std::move(use)), log_(log) {
    if (!options_.tls_cert.empty()) thread_.spawn([this] { run(); });
}

CertificateWatch::~CertificateWatch() {
    stop_.cancel(CancelReason::kShutdown);
    thread_.join();
}

std::string CertificateWatch::version() const {
    std::string version;
    for (const std::string& file : {options_.tls_cert, options_.tls_key, options_.client_ca}) {
        struct stat status{};
        if (file.empty() || ::stat(file.c_str(), &status) != 0) continue;
        version += std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec) +
                   "/" + std::to_string(status.st_size) + "/" + std::to_string(status.st_ino) + " ";
    }
    return version;
}

void CertificateWatch::run() {
    std::string in_use = version();
    while (stop_.token().wait_for(kLookEvery)) {
        const std::string now = version();
        if (now == in_use) continue;
        try {
            use_(read_certificates(options_));
            log_.info("the certificates were read again", {{"certificate", options_.tls_cert}});
        } catch (const Error& error) {
            log_.error("the new certificates cannot be used; the earlier ones stay",
                       {{"error", error.what()}});
        }
        in_use = now;
    }
}

}  // namespace fencepost::api
