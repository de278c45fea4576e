#include "cluster/kubeconfig.h"

#include <filesystem>

#include "base/files.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {

int kubeconfig(const ServerAddress& server, const KubeconfigOptions& options) {
    if (server.url.starts_with("unix:"))
        throw UsageError("kubectl cannot talk to a Unix socket", "give --server http://HOST:PORT");
    const bool has_scheme = server.url.find("://") != std::string::npos;
    cluster::Kubeconfig config{.server = has_scheme ? server.url : "http://" + server.url, .ns = options.ns};
    if (!server.ca_file.empty()) config.authority_pem = read_file(server.ca_file);
    if (!server.client_cert.empty()) {
        config.certificate_pem = read_file(server.client_cert);
        config.key_pem = read_file(server.client_key);
    }
    // kubectl looks for a relative path beside the kubeconfig.
    if (!options.token_file.empty())
        config.token_file = std::filesystem::absolute(options.token_file).string();
    print(to_yaml(config));
    return kDone;
}

}  // namespace fencepost::cli
