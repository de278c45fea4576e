#include "cluster/kubeconfig.h"

#include "base/encodings.h"
#include "value/value.h"
#include "value/yaml.h"

namespace fencepost::cluster {

std::string to_yaml(const Kubeconfig& config) {
    Value cluster;
    cluster["server"] = config.server;
    if (!config.authority_file.empty()) cluster["certificate-authority"] = config.authority_file;
    if (!config.authority_pem.empty())
        cluster["certificate-authority-data"] = base64_encode(config.authority_pem);
    Value user(Map{});
    if (!config.certificate_pem.empty()) {
        user["client-certificate-data"] = base64_encode(config.certificate_pem);
        user["client-key-data"] = base64_encode(config.key_pem);
    }
    if (!config.token_file.empty()) user["tokenFile"] = config.token_file;
    Value context;
    context["cluster"] = "fencepost";
    context["user"] = config.user;
    context["namespace"] = config.ns;

    Value file;
    file["apiVersion"] = "v1";
    file["kind"] = "Config";
    file["clusters"].push_back(Value(Map{{"name", "fencepost"}, {"cluster", cluster}}));
    file["users"].push_back(Value(Map{{"name", config.user}, {"user", user}}));
    file["contexts"].push_back(Value(Map{{"name", "fencepost"}, {"context", context}}));
    file["current-context"] = "fencepost";
    return fencepost::to_yaml(file);
}

}  // namespace fencepost::cluster
