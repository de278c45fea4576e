#include "cluster/kube/credential_plugin.h"

#include "base/encodings.h"
#include "base/error.h"
#include "base/program.h"
#include "value/json.h"

namespace fencepost::cluster::kube {
namespace {

// What plugins are told of the run; the cluster only where the kubeconfig allows it.
std::string exec_info(const Value& user, const Value& cluster) {
    Value info;
    info["apiVersion"] = user["apiVersion"];
    info["kind"] = "ExecCredential";
    info["spec"]["interactive"] = false;
    if (user["provideClusterInfo"].bool_or(false)) {
        info["spec"]["cluster"] = Map{};
        for (const char* member : {"server", "tls-server-name", "insecure-skip-tls-verify",
                                   "certificate-authority-data", "proxy-url"}) {
            if (!cluster[member].is_nil()) info["spec"]["cluster"][member] = cluster[member];
        }
        for (const Value& extension : cluster["extensions"].list_or_empty()) {
            if (extension["name"].string_or("") == "client.authentication.k8s.io/exec")
                info["spec"]["cluster"]["config"] = extension["extension"];
        }
    }
    return to_json(info);
}

}  // namespace

PluginCredential run_credential_plugin(const Value& user, const Value& cluster,
                                       const std::filesystem::path& folder) {
    const std::string command = user["command"].string_or("");
    if (command.empty()) throw Error(ErrorKind::kInvalid, "the user's exec names no command");
    if (user["interactiveMode"].string_or("") == "Always")
        throw Error(ErrorKind::kUnsupported, "'" + command + "' wants to ask somebody for the credentials",
                    "make a service account and a kubeconfig with its token: kubectl create token");
    Program program;
    program.words = {command.find('/') == std::string::npos ? command : (folder / command).string()};
    for (const Value& word : user["args"].list_or_empty()) program.words.push_back(word.string_or(""));
    for (const Value& variable : user["env"].list_or_empty())
        program.environment[variable["name"].string_or("")] = variable["value"].string_or("");
    program.environment["KUBERNETES_EXEC_INFO"] = exec_info(user, cluster);
    program.shows_errors = true;
    const auto done = run_program(program);
    if (!done)
        throw Error(ErrorKind::kNotFound, "the credential plugin '" + command + "' is not there",
                    user["installHint"].string_or(""));
    if (done->exit_code != 0)
        throw Error(ErrorKind::kUnauthorized, "the credential plugin '" + command +
                                                  "' ended with exit code " +
                                                  std::to_string(done->exit_code));
    Value answer;
    try {
        answer = parse_json(done->output);
    } catch (Error& error) {
        error.add_trace("what the credential plugin '" + command + "' writes");
        throw;
    }
    const Value& status = answer["status"];
    PluginCredential credential{.token = status["token"].string_or(""),
                                .client_certificate_pem = status["clientCertificateData"].string_or(""),
                                .client_key_pem = status["clientKeyData"].string_or(""),
                                .expires_at = {}};
    if (credential.token.empty() && credential.client_certificate_pem.empty())
        throw Error(ErrorKind::kUnauthorized,
                    "the credential plugin '" + command + "' gives neither a token nor a certificate");
    if (const std::string expires = status["expirationTimestamp"].string_or(""); !expires.empty())
        credential.expires_at = parse_rfc3339(expires);
    return credential;
}

}  // namespace fencepost::cluster::kube
