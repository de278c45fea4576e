#include "api/api.h"

#include "api/auth/certificates.h"
#include "api/auth/gate.h"
#include "api/site.h"
#include "api/webhooks/dispatcher.h"
#include "base/ascii.h"
#include "base/error.h"
#include "net/http_server.h"

namespace fencepost::api {
namespace {

bool is_loopback(const std::string& host) {
    return host == "localhost" || host == "::1" || host.starts_with("127.");
}

std::string_view host_of(std::string_view authority) {
    if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
    return authority.substr(0, authority.find(':'));
}

// A browser on this host can be made to send requests here by any page that it shows. Its own are told by
// their Origin, and (where nobody has to say who he is) those to a name that somebody else makes point at
// this host by their Host.
void refuse_strangers(const net::ServerRequest& request, bool has_authentication) {
    const std::string_view host = request.header("Host");
    if (!has_authentication && !request.peer_uid && !is_loopback(ascii_lower(host_of(host)))) {
        throw Problem(403, "will not answer as " + std::string(host_of(host)),
                      "ask for 127.0.0.1 or localhost; a proxy must send such a Host header");
    }
    const std::string_view origin = request.header("Origin");
    const std::string here(host);
    if (!origin.empty() && origin != "http://" + here && origin != "https://" + here) {
        throw Problem(403, "will not take requests from pages of " + std::string(origin));
    }
}

class RunningApi final : public Api {
  public:
    RunningApi(const ApiOptions& options, cluster::Cluster& cluster, RunAccess run, Clock& clock, Log& log)
        : gate_(options.security, cluster, clock, log),
          site_(options, cluster, std::move(run), clock, log, gate_.has_authentication()) {
        const Certificates certificates = read_certificates(options.security);
        const bool is_secured = !certificates.key_pem.empty() && gate_.has_authentication();
        if (!is_loopback(options.host) && !is_secured) {
            throw Error(ErrorKind::kInvalid,
                        "will not listen on " + options.host + ": anybody who reaches it could run commands",
                        "listen on 127.0.0.1, or give TLS and authentication: --tls-cert, --tls-key and "
                        "--token-file");
        }
        listen(options, certificates, log);
        if (options.pods) {
            // The listener has seen the Pods' token: whoever holds it may do all that is served there.
            pod_listener_ = start_pod_listener(
                *options.pods,
                [this](const net::ServerRequest& request) {
                    return site_.answer(request, [] { return Access::unrestricted("pod"); });
                },
                log);
        }
        if (options.calls_webhooks) call_webhooks();
    }
    RunningApi(const RunningApi&) = delete;
    RunningApi& operator=(const RunningApi&) = delete;
    ~RunningApi() override { stop(); }

    std::uint16_t port() const noexcept override { return server_->port(); }
    void call_webhooks() override { webhooks_.emplace(site_.services()); }
    void stop() override {
        webhooks_.reset();
        certificate_watch_.reset();
        if (socket_) socket_->stop();
        server_->stop();
        if (pod_listener_) pod_listener_->stop();
    }

  private:
    void listen(const ApiOptions& options, const Certificates& certificates, Log& log) {
        const auto handler = [this](const net::ServerRequest& request) { return answer(request); };
        net::ServerOptions server;
        server.host = options.host;
        server.port = options.port;
        server.certificate_pem = certificates.certificate_pem;
        server.key_pem = certificates.key_pem;
        server.client_ca_pem = certificates.client_ca_pem;
        server.requires_client_certificate = false;  // a token will do
        server_ = net::start_http_server(server, handler, log);
        if (!options.security.socket.empty()) {
            net::ServerOptions socket;
            socket.unix_socket = options.security.socket;
            socket_ = net::start_http_server(socket, handler, log);
        }
        certificate_watch_.emplace(
            options.security,
            [this](const Certificates& fresh) {
                server_->use_certificates(fresh.certificate_pem, fresh.key_pem, fresh.client_ca_pem);
            },
            log);
    }

    net::ServerResponse answer(const net::ServerRequest& request) {
        return site_.answer(request, [&] {
            refuse_strangers(request, gate_.has_authentication());
            return gate_.enter(request);
        });
    }

    Gate gate_;
    Site site_;
    std::unique_ptr<net::HttpServer> server_;
    std::unique_ptr<net::HttpServer> socket_;  // null: there is none
    std::optional<CertificateWatch> certificate_watch_;
    std::unique_ptr<net::HttpServer> pod_listener_;  // null: there are no Pods
    std::optional<WebhookDispatcher> webhooks_;
};

}  // namespace

std::unique_ptr<Api> start_api(const ApiOptions& options, cluster::Cluster& cluster, RunAccess run,
                               Clock& clock, Log& log) {
    return std::make_unique<RunningApi>(options, cluster, std::move(run), clock, log);
}

}  // namespace fencepost::api
