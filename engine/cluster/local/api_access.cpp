#include "cluster/local/api_access.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "cluster/kubeconfig.h"
#include "net/certificates.h"
#include "value/json.h"

namespace fencepost::cluster::local {
namespace {

constexpr std::chrono::hours kValidity{10 * 365 * 24};
constexpr std::chrono::hours kRenewBefore{30 * 24};

std::filesystem::path file_in(const std::filesystem::path& data_dir) { return data_dir / "api-access.json"; }

// A port that can be listened on now: `wanted`, or any where that is 0; 0 where it cannot be had.
std::uint16_t free_port(std::uint16_t wanted) {
    const UniqueFd probe(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(wanted);
    socklen_t size = sizeof address;
    if (::bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return 0;
    ::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
}

std::optional<ApiAccess> read_if_there(const std::filesystem::path& data_dir) {
    if (!std::filesystem::exists(file_in(data_dir))) return std::nullopt;
    return read_api_access(data_dir);
}

void write(const std::filesystem::path& data_dir, const ApiAccess& access) {
    Value text;
    text["port"] = static_cast<std::int64_t>(access.port);
    text["token"] = access.token;
    text["authority"] = access.authority_pem;
    text["certificate"] = access.certificate_pem;
    text["key"] = access.key_pem;
    write_file_durably(file_in(data_dir), to_json(text) + "\n", 0600);
}

}  // namespace

std::map<std::string, std::string> ApiAccess::files(const std::string& ns) const {
    const std::string folder = kApiAccessFolder;
    const Kubeconfig config{.server = "https://127.0.0.1:" + std::to_string(port),
                            .ns = ns,
                            .authority_file = folder + "/ca.crt",
                            .token_file = folder + "/token",
                            .user = "pod"};
    return {{"token", token}, {"ca.crt", authority_pem}, {"namespace", ns}, {"kubeconfig", to_yaml(config)}};
}

std::map<std::string, std::string> ApiAccess::variables() const {
    return {{"KUBERNETES_SERVICE_HOST", "127.0.0.1"},
            {"KUBERNETES_SERVICE_PORT", std::to_string(port)},
            {"KUBERNETES_SERVICE_PORT_HTTPS", std::to_string(port)},
            {"KUBECONFIG", std::string(kApiAccessFolder) + "/kubeconfig"}};
}

ApiAccess read_api_access(const std::filesystem::path& data_dir) {
    const Value text = parse_json(read_file(file_in(data_dir)));
    return {.port = static_cast<std::uint16_t>(text["port"].int_or(0)),
            .token = text["token"].as_string(),
            .authority_pem = text["authority"].as_string(),
            .certificate_pem = text["certificate"].as_string(),
            .key_pem = text["key"].as_string()};
}

ApiAccess open_api_access(const std::filesystem::path& data_dir, SystemTime now) {
    std::optional<ApiAccess> access = read_if_there(data_dir);
    const bool is_good = access && net::certificate_end(access->certificate_pem) > now + kRenewBefore;
    if (is_good && free_port(access->port) != 0) return *access;
    if (!is_good) {
        net::Certificates made = net::make_loopback_certificates(now, kValidity);
        access = ApiAccess{.token = hex_encode(random_bytes(32)),
                           .authority_pem = std::move(made.authority_pem),
                           .certificate_pem = std::move(made.certificate_pem),
                           .key_pem = std::move(made.key_pem)};
    }
    access->port = free_port(0);
    write(data_dir, *access);
    return *access;
}

}  // namespace fencepost::cluster::local
