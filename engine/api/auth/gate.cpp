#include "api/auth/gate.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "api/facade/target.h"
#include "api/problem.h"
#include "base/ascii.h"
#include "base/error.h"

namespace fencepost::api {
namespace {

constexpr std::array<std::string_view, 3> kProbes{"/healthz", "/livez", "/readyz"};
constexpr std::string_view kBearer = "bearer ";

bool is_read(const net::ServerRequest& request) {
    return request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
}

// What a Kubernetes-style path is about, by the very function that serves it; nullopt: discovery, or nothing.
std::optional<facade::Target> target_of(cluster::Cluster& cluster, std::string_view path) {
    const auto take = [&path] {
        path.remove_prefix(std::min<std::size_t>(1, path.size()));
        const std::string_view segment = path.substr(0, path.find('/'));
        path.remove_prefix(segment.size());
        return segment;
    };
    const std::string_view root = take();
    const std::string_view group = root == "apis" ? take() : "";
    const std::string_view version = take();
    path.remove_prefix(std::min<std::size_t>(1, path.size()));
    if (path.empty()) return std::nullopt;
    try {
        return facade::parse_target(cluster, group, version, path);
    } catch (const Error&) {
        return std::nullopt;  // the route tells what is wrong with it
    }
}

// Reading is a viewer's, but for Secrets; running a command in a Pod is no reading, whatever its method.
void check_kubernetes(const Access& access, const net::ServerRequest& request, cluster::Cluster& cluster) {
    const auto target = target_of(cluster, request.path);
    if (!target) {
        if (is_read(request) && access.may_anywhere(Role::kViewer)) return;
        return access.require(Role::kAdmin, "");
    }
    const bool is_namespace = target->type.type == cluster::types::kNamespaces;
    const std::string& ns = is_namespace ? target->name : target->ns;
    const bool is_harmless =
        is_read(request) && target->type.type != cluster::types::kSecrets &&
        (target->subresource.empty() || target->subresource == "status" || target->subresource == "log");
    access.require(is_harmless ? Role::kViewer : Role::kAdmin, ns);
}

}  // namespace

bool is_kubernetes_path(std::string_view path) noexcept {
    return path == "/api" || path == "/apis" || path.starts_with("/api/") || path.starts_with("/apis/") ||
           path.starts_with("/openapi/");
}

Gate::Gate(const SecurityOptions& options, cluster::Cluster& cluster, Clock& clock, Log& log)
    : cluster_(cluster), rate_limit_(options.max_requests_per_second, clock) {
    if (!options.token_file.empty()) identities_ = std::make_unique<Identities>(options.token_file, log);
}

Access Gate::enter(const net::ServerRequest& request) {
    const bool is_probe = std::find(kProbes.begin(), kProbes.end(), request.path) != kProbes.end();
    if (is_probe && is_read(request)) return {"a probe", {}};
    Access access = identify(request);
    const auto wait = rate_limit_.take(access.name());
    if (wait.count() > 0) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(wait);
        throw Problem(429, access.name() + " sends too many requests",
                      "wait for " + std::to_string(seconds.count()) + " s");
    }
    check_role(access, request);
    return access;
}

Access Gate::identify(const net::ServerRequest& request) {
    if (request.peer_uid) {
        if (*request.peer_uid == 0 || *request.peer_uid == ::geteuid())
            return Access::unrestricted("uid " + std::to_string(*request.peer_uid));
        throw Problem(403, "the socket is for root and the daemon's own user, not for uid " +
                               std::to_string(*request.peer_uid));
    }
    if (!identities_) return Access::unrestricted("anybody on this host");
    const std::string_view authorization = request.header("Authorization");
    if (authorization.size() > kBearer.size() &&
        equal_without_case(authorization.substr(0, kBearer.size()), kBearer)) {
        if (auto access = identities_->with_token(authorization.substr(kBearer.size()))) return *access;
        throw Problem(401, "the token is not known", "fencepost token create makes one");
    }
    if (!authorization.empty()) throw Problem(401, "the Authorization header holds no bearer token");
    if (request.client_certificate_name.empty()) {
        throw Problem(401, "the request names nobody",
                      "send 'Authorization: Bearer TOKEN'; fencepost token create makes one");
    }
    if (auto access = identities_->with_certificate(request.client_certificate_name)) return *access;
    throw Problem(403, "the certificate of " + request.client_certificate_name + " has no role here",
                  "fencepost token create --certificate " + request.client_certificate_name +
                      " --role ROLE gives it one");
}

void Gate::check_role(const Access& access, const net::ServerRequest& request) const {
    if (is_kubernetes_path(request.path)) return check_kubernetes(access, request, cluster_);
    const Role role = is_read(request) ? Role::kViewer : Role::kOperator;
    if (access.may_anywhere(role)) return;
    throw Problem(403, access.name() + " is no " + std::string(to_string(role)) + " anywhere");
}

}  // namespace fencepost::api
