#include "cluster/kube/connection.h"

#include <cstdlib>
#include <memory>
#include <optional>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "base/guarded.h"
#include "cluster/kube/credential_plugin.h"
#include "value/value.h"
#include "value/yaml.h"

namespace fencepost::cluster::kube {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxConfigBytes = std::size_t{4} << 20U;
// client-go reads a token's file again as often.
constexpr std::chrono::seconds kTokenAge{60};
// So that no request is under way with a token that runs out.
constexpr std::chrono::seconds kRenewBefore{10};
const fs::path kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string environment(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it while we run
    return value == nullptr ? "" : value;
}

std::string trimmed(std::string text) {
    const auto is_blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
    while (!text.empty() && is_blank(text.back())) text.pop_back();
    return text;
}

std::function<std::string()> fixed(std::string header) {
    return [header = std::move(header)] { return header; };
}

// A token that its owner renews in place; the last one that could be read stays in use.
std::function<std::string()> from_file(Clock& clock, fs::path path) {
    struct Kept {
        std::string header;
        SteadyTime read_at;
    };
    const auto kept = std::make_shared<Guarded<std::optional<Kept>>>();
    return [&clock, path = std::move(path), kept] {
        auto state = kept->lock();
        const SteadyTime now = clock.steady_now();
        if (!*state || now - (*state)->read_at >= kTokenAge) {
            try {
                *state = Kept{"Bearer " + trimmed(read_file(path)), now};
            } catch (const Error&) {
                if (!*state) throw;
            }
        }
        return (*state)->header;
    };
}

// A plugin's token, asked for again before it runs out.
std::function<std::string()> from_plugin(Clock& clock, PluginCredential first,
                                         std::function<PluginCredential()> ask) {
    const auto kept = std::make_shared<Guarded<PluginCredential>>(std::move(first));
    return [&clock, kept, ask = std::move(ask)] {
        auto state = kept->lock();
        if (state->expires_at && clock.now() + kRenewBefore >= *state->expires_at) *state = ask();
        return state->token.empty() ? "" : "Bearer " + state->token;
    };
}

// One of several kubeconfig files.
struct File {
    fs::path path;
    Value value;
};

// The entry of that name, and the file that it stands in.
struct Entry {
    const File* file = nullptr;
    Value value;
};

Entry find_entry(const std::vector<File>& files, const char* list, const char* member,
                 const std::string& name) {
    for (const File& file : files) {
        for (const Value& entry : file.value[list].list_or_empty()) {
            if (entry["name"].string_or("") == name) return {&file, entry[member]};
        }
    }
    throw Error(ErrorKind::kInvalid,
                files.front().path.string() + ": there is no entry '" + name + "' in " + list);
}

fs::path path_in(const Entry& entry, const char* member) {
    const std::string path = entry.value[member].string_or("");
    return path.empty() ? fs::path() : entry.file->path.parent_path() / path;
}

// "certificate-authority-data", or the file that "certificate-authority" names.
std::string pem(const Entry& entry, const std::string& member) {
    if (const std::string data = entry.value[member + "-data"].string_or(""); !data.empty()) {
        try {
            return base64_decode(data);
        } catch (Error& e) {
            e.add_trace(entry.file->path.string() + ": " + member + "-data");
            throw;
        }
    }
    const fs::path path = path_in(entry, member.c_str());
    return path.empty() ? "" : read_file(path);
}

void log_in(Connection& connection, Clock& clock, const Entry& user, const Value& cluster) {
    const Value& value = user.value;
    if (!value["auth-provider"].is_nil()) {
        throw Error(ErrorKind::kUnsupported,
                    user.file->path.string() +
                        ": the user logs in by 'auth-provider', which Kubernetes 1.26 has removed",
                    "its successor is a credential plugin: 'exec'");
    }
    connection.tls.client_certificate_pem = pem(user, "client-certificate");
    connection.tls.client_key_pem = pem(user, "client-key");
    if (value["exec"].is_map()) {
        const auto ask = [exec = value["exec"], cluster, file = user.file->path] {
            try {
                return run_credential_plugin(exec, cluster, file.parent_path());
            } catch (Error& error) {
                error.add_trace(file.string());
                throw;
            }
        };
        PluginCredential credential = ask();
        if (!credential.client_certificate_pem.empty()) {
            connection.tls.client_certificate_pem = credential.client_certificate_pem;
            connection.tls.client_key_pem = credential.client_key_pem;
        }
        connection.authorization = from_plugin(clock, std::move(credential), ask);
    }
    const std::string token = value["token"].string_or("");
    const std::string name = value["username"].string_or("");
    if (const fs::path file = path_in(user, "tokenFile"); !file.empty())
        connection.authorization = from_file(clock, file);
    else if (!token.empty())
        connection.authorization = fixed("Bearer " + token);
    else if (!name.empty())
        connection.authorization =
            fixed("Basic " + base64_encode(name + ":" + value["password"].string_or("")));
    if (const std::string other = value["as"].string_or(""); !other.empty())
        connection.headers.emplace_back("Impersonate-User", other);
    for (const Value& group : value["as-groups"].list_or_empty())
        connection.headers.emplace_back("Impersonate-Group", group.string_or(""));
}

void find_server(Connection& connection, const Entry& cluster) {
    connection.server = cluster.value["server"].string_or("");
    while (connection.server.ends_with('/')) connection.server.pop_back();
    if (connection.server.empty())
        throw Error(ErrorKind::kInvalid, cluster.file->path.string() + ": the cluster has no server");
    connection.proxy = cluster.value["proxy-url"].string_or("");
    if (!connection.proxy.empty() && !connection.proxy.starts_with("http://")) {
        // Not all of it: there may be a password in it.
        throw Error(ErrorKind::kUnsupported,
                    cluster.file->path.string() + ": the cluster's proxy-url begins with '" +
                        connection.proxy.substr(0, connection.proxy.find(':')) +
                        "'; Fencepost knows http:// alone",
                    "an http:// proxy sees no more of what goes to the API server: TLS passes through it");
    }
    connection.tls.server_name = cluster.value["tls-server-name"].string_or("");
    connection.tls.verify = !cluster.value["insecure-skip-tls-verify"].bool_or(false);
    connection.tls.ca_bundle_pem = pem(cluster, "certificate-authority");
}

}  // namespace

Connection read_kubeconfig(Clock& clock, const std::vector<fs::path>& paths, std::string_view context) {
    std::vector<File> files;
    for (const fs::path& path : paths) {
        if (!fs::exists(path) && paths.size() > 1) continue;  // of several, some may be missing
        const fs::path absolute = fs::absolute(path);
        try {
            files.push_back({absolute, parse_yaml_value(read_file(absolute, kMaxConfigBytes))});
        } catch (Error& e) {
            e.add_trace(absolute.string());
            throw;
        }
    }
    if (files.empty())
        throw Error(ErrorKind::kNotFound, "there is no kubeconfig", "set KUBECONFIG, or pass --kubeconfig");

    std::string name(context);
    for (const File& file : files) {
        if (name.empty()) name = file.value["current-context"].string_or("");
    }
    if (name.empty())
        throw Error(ErrorKind::kInvalid, files.front().path.string() + ": there is no current context");
    const Value chosen = find_entry(files, "contexts", "context", name).value;

    Connection connection;
    const Entry cluster = find_entry(files, "clusters", "cluster", chosen["cluster"].string_or(""));
    find_server(connection, cluster);
    connection.authorization = fixed("");
    if (const std::string user = chosen["user"].string_or(""); !user.empty())
        log_in(connection, clock, find_entry(files, "users", "user", user), cluster.value);
    if (const std::string ns = chosen["namespace"].string_or(""); !ns.empty()) connection.ns = ns;
    return connection;
}

std::vector<fs::path> default_kubeconfig_files() {
    std::vector<fs::path> files;
    const std::string named = environment("KUBECONFIG");
    for (std::size_t at = 0; at < named.size();) {
        const std::size_t end = std::min(named.find(':', at), named.size());
        if (end > at) files.emplace_back(named.substr(at, end - at));
        at = end + 1;
    }
    if (files.empty()) files.push_back(fs::path(environment("HOME")) / ".kube" / "config");
    return files;
}

bool is_in_cluster() {
    return !environment("KUBERNETES_SERVICE_HOST").empty() && fs::exists(kServiceAccount / "token");
}

Connection in_cluster(Clock& clock) {
    std::string host = environment("KUBERNETES_SERVICE_HOST");
    const std::string port = environment("KUBERNETES_SERVICE_PORT");
    if (host.empty() || port.empty())
        throw Error(ErrorKind::kNotFound, "this is no Pod of a cluster: KUBERNETES_SERVICE_HOST is not set");
    if (host.find(':') != std::string::npos) host = "[" + host + "]";
    Connection connection;
    connection.server = "https://" + host + ":" + port;
    connection.tls.ca_bundle_pem = read_file(kServiceAccount / "ca.crt");
    connection.authorization = from_file(clock, kServiceAccount / "token");
    if (fs::exists(kServiceAccount / "namespace"))
        connection.ns = trimmed(read_file(kServiceAccount / "namespace"));
    return connection;
}

}  // namespace fencepost::cluster::kube
