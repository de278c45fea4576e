#include "cluster/kubeconfig.h"

#include "base/files.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

namespace fencepost::cli {

int kubeconfig(const std::string& server, const KubeconfigOptions& options) {
    if (server.starts_with("unix:"))
        throw UsageError("kubectl cannot talk to a Unix socket", "give --server http://HOST:PORT");
    const bool has_scheme = server.find("://") != std::string::npos;
    cluster::Kubeconfig config{.server = has_scheme ? server : "http://" + server, .ns = options.ns};
    if (!options.authority_file.empty()) config.authority_pem = read_file(options.authority_file);
    config.token_file = options.token_file;
    print(to_yaml(config));
    return kDone;
}

}  // namespace fencepost::cli
