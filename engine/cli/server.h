// The server that a verb talks to. Answers that are no success become Errors with the server's own words: the
// kind from the status, the hint from the problem document. A server that is not there says how to start one.
// Thread safety: all members may be called from any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "cluster/cluster.h"
#include "net/http_client.h"
#include "value/value.h"

namespace fencepost::cli {

// The server cannot be reached: exit code 4.
class Unreachable : public Error {
  public:
    using Error::Error;
};

// Where the server is, and how to be let in. The bearer token comes from the environment alone
// (FENCEPOST_TOKEN): a command line can be seen by everybody.
struct ServerAddress {
    std::string url;  // http(s)://host:port, host:port, unix:/path/to/socket, or kubernetes://[namespace]
    std::string ca_file, client_cert, client_key;
};

// What of an object, or a list of them, is asked for: itself, or the rows of a table as kubectl shows it.
enum class Form { kObject, kTable };

// Of kubernetes://[namespace]: the namespace.
[[nodiscard]] std::optional<std::string> kubernetes_namespace(const ServerAddress& address);

class Server {
  public:
    Server(std::unique_ptr<net::HttpClient> http, const ServerAddress& address);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    [[nodiscard]] Value get(std::string_view path, Form form = Form::kObject);
    [[nodiscard]] std::optional<Value> find(std::string_view path);  // nullopt for 404
    Value send(std::string_view method, std::string_view path, const Value& body,
               std::string_view content_type = "application/json");
    void stream(std::string_view path, const std::function<void(std::string_view)>& sink,
                const CancelToken& cancel);

    // What it tells of itself: name, version, cluster (embedded or kubernetes), namespace, imageMap. nil
    // where no server answers, or one of another kind.
    [[nodiscard]] const Value& index();
    // By kind, plural, singular or short name, from the server's discovery; "resource.group" too. Throws
    // kNotFound.
    [[nodiscard]] cluster::ResourceDescription type(std::string_view name);
    [[nodiscard]] cluster::ResourceDescription type_of(const Value& object);  // by apiVersion and kind
    // Its objects as a cluster, with the caller's rights. One thread; nothing is asked before it is used.
    [[nodiscard]] cluster::Cluster& cluster();

  private:
    class Client;
    [[nodiscard]] net::HttpResponse exchange(net::HttpRequest request, const CancelToken& cancel);
    [[nodiscard]] net::HttpRequest request_to(std::string_view method, std::string_view path) const;
    void discover();
    [[nodiscard]] std::optional<cluster::ResourceDescription> known_type(std::string_view name) const;

    std::unique_ptr<net::HttpClient> http_;
    std::string base_;
    Secret token_;
    net::TlsOptions tls_;
    std::vector<cluster::ResourceDescription> types_;
    std::optional<Value> index_;
    SystemClock clock_;
    std::unique_ptr<net::HttpClient> client_;    // the cluster's
    std::unique_ptr<cluster::Cluster> cluster_;  // nullptr until somebody asks
};

// "/api/v1/namespaces/ns/pods/name", "/apis/g/v/..."; ns "" for all, name "" for the collection.
[[nodiscard]] std::string object_path(const cluster::ResourceDescription& type, std::string_view ns,
                                      std::string_view name);
void ensure_namespace(Server& server, const std::string& name);  // makes it where it is not there

}  // namespace fencepost::cli
