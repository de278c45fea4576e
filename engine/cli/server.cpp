#include "cli/server.h"

#include <algorithm>
#include <cstdlib>

#include "base/ascii.h"
#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "cluster/kube/kube_cluster.h"
#include "value/json.h"

namespace fencepost::cli {
namespace {

// As kubectl asks for it; an object where the server has no tables.
constexpr const char* kAsTable = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

constexpr std::string_view kKubernetes = "kubernetes://";

std::string base_of(std::string_view address) {
    std::string base(address);
    if (base.starts_with(kKubernetes)) return base;
    while (base.ends_with('/')) base.pop_back();
    if (base.starts_with("unix:")) return base + ":";
    return base.find("://") == std::string::npos ? "http://" + base : base;
}

Value body_of(const net::HttpResponse& response) {
    try {
        return parse_json(response.body);
    } catch (const Error&) {
        return {};
    }
}

// The words of a problem document or a Kubernetes Status.
Error refusal(const net::HttpResponse& response) {
    const Value body = body_of(response);
    std::string message = body["detail"].string_or(body["message"].string_or(""));
    if (message.empty()) message = "the server answered " + std::to_string(response.status);
    const List& causes = body["causes"].list_or_empty();
    if (causes.size() > 1) {
        message = "the request has " + std::to_string(causes.size()) + " problems";
        for (const Value& cause : causes) {
            message += "\n  " + cause["pointer"].string_or("") + ": " + cause["detail"].string_or("");
            if (const std::string hint = cause["hint"].string_or(""); !hint.empty())
                message += " (" + hint + ")";
        }
    }
    return {net::error_kind_of(response.status), message,
            causes.size() > 1 ? "" : body["hint"].string_or("")};
}

cluster::ResourceDescription description(const Value& resource, const std::string& group,
                                         const std::string& version) {
    cluster::ResourceDescription type;
    type.type = {group, version, resource["name"].string_or("")};
    type.kind = resource["kind"].string_or("");
    type.singular = resource["singularName"].string_or("");
    type.is_namespaced = resource["namespaced"].bool_or(false);
    for (const Value& name : resource["shortNames"].list_or_empty())
        type.short_names.push_back(name.string_or(""));
    return type;
}

}  // namespace

std::optional<std::string> kubernetes_namespace(const ServerAddress& address) {
    if (!address.url.starts_with(kKubernetes)) return std::nullopt;
    std::string ns = address.url.substr(kKubernetes.size());
    if (ns.find('/') != std::string::npos)
        throw Error(ErrorKind::kInvalid, address.url + " is no address of a server",
                    "write kubernetes://NAMESPACE, or kubernetes:// for that of the kubeconfig's context");
    return ns;
}

// The requests of cluster(): who does not reach the server is told so as by every other request.
class Server::Client final : public net::HttpClient {
  public:
    explicit Client(Server& server) : server_(server) {}
    net::HttpResponse request(net::HttpRequest request, const CancelToken& cancel) override {
        return server_.exchange(std::move(request), cancel);
    }

  private:
    Server& server_;
};

Server::Server(std::unique_ptr<net::HttpClient> http, const ServerAddress& address)
    : http_(std::move(http)), base_(base_of(address.url)) {
    if (const char* token = std::getenv("FENCEPOST_TOKEN"); token != nullptr) token_ = Secret(token);
    if (!address.ca_file.empty()) tls_.ca_bundle_pem = read_file(address.ca_file);
    if (!address.client_cert.empty()) tls_.client_certificate_pem = read_file(address.client_cert);
    if (!address.client_key.empty()) tls_.client_key_pem = read_file(address.client_key);
}

Server::~Server() = default;

net::HttpRequest Server::request_to(std::string_view method, std::string_view path) const {
    net::HttpRequest request;
    request.method = method;
    request.url = base_ + std::string(path);
    request.headers = {{"Accept", "application/json"}};
    if (!token_.is_empty()) request.headers.emplace_back("Authorization", "Bearer " + token_.reveal());
    request.tls = tls_;
    request.connect_timeout = std::chrono::seconds(5);
    return request;
}

net::HttpResponse Server::exchange(net::HttpRequest request, const CancelToken& cancel) {
    try {
        return http_->request(std::move(request), cancel);
    } catch (const Error& error) {
        if (!error.is_transient()) throw;
        throw Unreachable(ErrorKind::kUnavailable, "no server answers at " + base_ + ": " + error.message(),
                          "start one with: fencepost serve --data-dir DIR   (or name another one with "
                          "--server or FENCEPOST_SERVER)");
    }
}

Value Server::get(std::string_view path, Form form) {
    net::HttpRequest request = request_to("GET", path);
    if (form == Form::kTable) request.headers.front().second = kAsTable;
    const net::HttpResponse response = exchange(std::move(request), {});
    if (response.status >= 300) throw refusal(response);
    return parse_json(response.body);
}

std::optional<Value> Server::find(std::string_view path) {
    const net::HttpResponse response = exchange(request_to("GET", path), {});
    if (response.status == 404) return std::nullopt;
    if (response.status >= 300) throw refusal(response);
    return parse_json(response.body);
}

Value Server::send(std::string_view method, std::string_view path, const Value& body,
                   std::string_view content_type) {
    net::HttpRequest request = request_to(method, path);
    if (!body.is_nil()) {
        request.headers.emplace_back("Content-Type", content_type);
        request.body = to_json(body, {.escape_html = false, .indent = ""});
    }
    const net::HttpResponse response = exchange(std::move(request), {});
    if (response.status >= 300) throw refusal(response);
    return response.body.empty() ? Value() : parse_json(response.body);
}

void Server::stream(std::string_view path, const std::function<void(std::string_view)>& sink,
                    const CancelToken& cancel) {
    net::HttpRequest request = request_to("GET", path);
    request.body_sink = sink;
    request.idle_timeout = std::chrono::hours(24);  // a quiet log is no fault
    const net::HttpResponse response = exchange(std::move(request), cancel);
    if (response.status >= 300) throw refusal(response);
}

const Value& Server::index() {
    if (!index_) {
        try {
            index_ = find("/").value_or(Value());
        } catch (const Unreachable&) {
            index_.emplace();
        }
    }
    return *index_;
}

void Server::discover() {
    types_.clear();
    const auto add = [this](const std::string& group, const std::string& version) {
        const auto list = find(group.empty() ? "/api/" + version : "/apis/" + group + "/" + version);
        if (!list) return;
        for (const Value& resource : (*list)["resources"].list_or_empty()) {
            if (resource["name"].string_or("").find('/') != std::string::npos) continue;
            types_.push_back(description(resource, group, version));
        }
    };
    add("", "v1");
    const Value groups = get("/apis");
    for (const Value& group : groups["groups"].list_or_empty()) {
        for (const Value& version : group["versions"].list_or_empty()) {
            add(group["name"].string_or(""), version["version"].string_or(""));
        }
    }
}

std::optional<cluster::ResourceDescription> Server::known_type(std::string_view name) const {
    const std::size_t dot = name.find('.');
    const std::string group = dot == std::string_view::npos ? "" : ascii_lower(name.substr(dot + 1));
    for (const auto& type : types_) {
        if (cluster::matches(type, group, "", name.substr(0, dot))) return type;
    }
    return std::nullopt;
}

cluster::ResourceDescription Server::type(std::string_view name) {
    if (types_.empty()) discover();
    if (const auto type = known_type(name)) return *type;
    throw Error(ErrorKind::kNotFound, "the server has no type '" + std::string(name) + "'",
                "a custom type needs its CustomResourceDefinition: fencepost apply -f FILE");
}

cluster::ResourceDescription Server::type_of(const Value& object) {
    const std::string api_version = object["apiVersion"].string_or("");
    const std::string kind = object["kind"].string_or("");
    if (api_version.empty() || kind.empty())
        throw Error(ErrorKind::kInvalid, "an object needs apiVersion and kind");
    const std::size_t slash = api_version.find('/');
    const std::string group = slash == std::string::npos ? "" : api_version.substr(0, slash);
    const std::string version = slash == std::string::npos ? api_version : api_version.substr(slash + 1);
    for (int attempt = 0; attempt < 2; ++attempt) {  // a definition may have been applied a moment ago
        if (attempt == 1 || types_.empty()) discover();
        for (const auto& type : types_) {
            if (type.type.group == group && type.type.version == version && type.kind == kind) return type;
        }
    }
    throw Error(ErrorKind::kNotFound, "the server has no kind " + kind + " in " + api_version,
                "apply its CustomResourceDefinition first");
}

cluster::Cluster& Server::cluster() {
    if (cluster_ == nullptr) {
        client_ = std::make_unique<Client>(*this);
        cluster::kube::Connection connection;
        connection.server = base_;
        connection.tls = tls_;
        connection.authorization = [this] {
            return token_.is_empty() ? std::string() : "Bearer " + token_.reveal();
        };
        cluster_ = cluster::kube::open_kube_cluster(std::move(connection), *client_, clock_, {});
    }
    return *cluster_;
}

std::string object_path(const cluster::ResourceDescription& type, std::string_view ns,
                        std::string_view name) {
    return cluster::object_path(type.type, type.is_namespaced ? ns : "", name);
}

void ensure_namespace(Server& server, const std::string& name) {
    const auto type = server.type("namespaces");
    if (server.find(object_path(type, "", name))) return;
    Value object;
    object["apiVersion"] = "v1";
    object["kind"] = "Namespace";
    object["metadata"]["name"] = name;
    server.send("POST", object_path(type, "", ""), object);
}

}  // namespace fencepost::cli
