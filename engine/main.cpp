// The composition root: the one file that knows everything. It builds the world and lends it to the command
// line.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>

#include "api/api.h"
#include "aws/environment.h"
#include "base/clock.h"
#include "base/encodings.h"
#include "base/error.h"
#include "base/human.h"
#include "base/log.h"
#include "base/service_manager.h"
#include "base/task_group.h"
#include "binding/controller.h"
#include "cli/cli.h"
#include "cli/settings.h"
#include "cluster/idempotent.h"
#include "cluster/kube/definitions.h"
#include "cluster/kube/kube_cluster.h"
#include "cluster/kube/lease.h"
#include "cluster/local/local_cluster.h"
#include "functions/catalog.h"
#include "net/http_client.h"
#include "protect/protector.h"
#include "run/engine.h"

namespace fencepost {
namespace {

constexpr const char* kVersion = FENCEPOST_VERSION;
// For so long requests to an API server that does not answer are tried again.
constexpr std::chrono::minutes kOutage{2};

LogLevel level_of(const std::string& name) {
    if (name == "debug") return LogLevel::kDebug;
    if (name == "warning") return LogLevel::kWarning;
    return name == "error" ? LogLevel::kError : LogLevel::kInfo;
}

void make_namespace(cluster::Cluster& cluster, const std::string& name) {
    Value object;
    object["metadata"]["name"] = name;
    cluster::create_unless_there(cluster, cluster::types::kNamespaces, object);
}

// Before the first thread, so that all inherit it: signals are waited for, never handled in the middle of
// something.
sigset_t block_stop_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    return signals;
}

// The cluster that is controlled, and what comes with it.
struct Backend {
    std::string name;                            // for the log
    std::unique_ptr<cluster::Cluster> cluster;   // for everybody
    std::unique_ptr<cluster::Cluster> leaders;   // of the replica that leads alone; null: it is the same one
    std::function<std::uint64_t()> store_bytes;  // of the embedded one
    std::optional<api::PodListenerOptions> pods;
    // Calls `work` with a token that fires when it is to end: at once, or when this replica leads. Throws
    // Cancelled where `stop` fires before that.
    using Work = std::function<void(const CancelToken& end)>;
    std::function<void(const CancelToken& stop, const Work& work)> lead;
};

Backend open_embedded(const cli::ServeOptions& options, Clock& clock, Log& log) {
    const std::filesystem::path data_dir = std::filesystem::absolute(options.data_dir);
    Backend backend;
    backend.name = data_dir.string();
    backend.cluster = cluster::local::open_local_cluster(
        {.data_dir = data_dir, .program_dir = std::filesystem::canonical("/proc/self/exe").parent_path()},
        clock, log);
    backend.store_bytes = [data_dir] {
        std::error_code ignored;
        const auto size = std::filesystem::file_size(data_dir / "cluster.db", ignored);
        return ignored ? std::uint64_t{0} : static_cast<std::uint64_t>(size);
    };
    const cluster::local::ApiAccess pods = cluster::local::read_api_access(data_dir);
    backend.pods = api::PodListenerOptions{pods.port, pods.token, pods.certificate_pem, pods.key_pem};
    make_namespace(*backend.cluster, options.controller_namespace);
    backend.lead = [](const CancelToken& stop, const Backend::Work& work) { work(stop); };
    return backend;
}

cluster::kube::Connection connect(const cli::ServeOptions& options, Clock& clock) {
    namespace kube = cluster::kube;
    if (!options.kubeconfig.empty())
        return kube::read_kubeconfig(clock, {options.kubeconfig}, options.kube_context);
    if (options.kube_context.empty() && kube::is_in_cluster()) return kube::in_cluster(clock);
    return kube::read_kubeconfig(clock, kube::default_kubeconfig_files(), options.kube_context);
}

// Where a controller looks for ActionSets: in the namespaces that it is told; else its Role or ClusterRole
// decides whether in its own alone, or (none) in all.
std::vector<std::string> watched_namespaces(cluster::Cluster& cluster, const cli::ServeOptions& options) {
    const std::string& own = options.controller_namespace;
    std::vector<std::string> namespaces = options.watched_namespaces;
    if (!namespaces.empty()) {
        if (std::find(namespaces.begin(), namespaces.end(), own) == namespaces.end())
            namespaces.push_back(own);
        return namespaces;
    }
    try {
        (void)cluster.list(cluster::types::kActionSets, {.limit = 1});
    } catch (const Error& e) {
        if (e.kind() == ErrorKind::kForbidden) return {own};
        if (e.kind() != ErrorKind::kNotFound) throw;  // the type may still be on its way
    }
    return {};
}

// `impatient`: from when it fires, nothing is tried again.
Backend open_kubernetes(const cli::ServeOptions& options, net::HttpClient& http, Clock& clock, Log& log,
                        const CancelToken& impatient) {
    namespace kube = cluster::kube;
    const kube::Connection connection = connect(options, clock);
    const auto leading = std::make_shared<kube::Leading>();
    std::vector<std::string> namespaces;
    const auto open = [&](kube::ClientOptions client) {
        client.stop = impatient;
        client.namespaces = namespaces;
        return kube::open_kube_cluster(connection, http, clock, std::move(client));
    };
    namespaces = watched_namespaces(*open({.patience = kOutage}), options);
    log.info(namespaces.empty() ? "controls all namespaces" : "controls chosen namespaces",
             {{"namespace", options.controller_namespace}, {"watched", joined(namespaces, ",")}});
    Backend backend;
    backend.name = connection.server;
    backend.cluster = open({.patience = kOutage});
    backend.leaders = open({.patience = kOutage, .before_write = [leading] { leading->check(); }});
    if (options.installs_crds) kube::install_definitions(*backend.cluster, clock, log, impatient);

    std::array<char, 256> host{};
    (void)::gethostname(host.data(), host.size() - 1);
    const kube::LeaseOptions lease{.ns = options.controller_namespace,
                                   .identity = host.data() + std::string("_") + random_uuid()};
    // A renewal that fails is tried again by its own clock; one that hangs, in time before the Lease is lost.
    const std::shared_ptr<cluster::Cluster> prompt = open({.attempt_limit = lease.renew_deadline / 2});
    backend.lead = [leading, lease, prompt, &clock, &log](const CancelToken& stop,
                                                          const Backend::Work& work) {
        kube::LeaderElection(*prompt, clock, log, lease).run(stop, [&](const kube::Leadership& term) {
            leading->begin(term);
            work(term.token());
            leading->end();
        });
    };
    return backend;
}

// What is passed by reference outlives it.
api::RunAccess access_to(run::Engine& engine, const run::Catalog& catalog, net::HttpClient& http,
                         const std::string& ns) {
    return {
        .logs = [&engine, ns](
                    const std::string& action_set, const std::string& phase, bool follow,
                    const std::function<void(std::string_view)>& sink,
                    const CancelToken& cancel) { engine.logs(ns, action_set, phase, follow, sink, cancel); },
        .obligations = [&engine](bool with_discharged) { return engine.obligations(with_discharged); },
        .release = [&engine](const std::string& id,
                             const CancelToken& cancel) { engine.release_obligation(id, cancel); },
        .extend = [&engine](const std::string& id, SystemTime deadline,
                            const CancelToken& cancel) { engine.extend_obligation(id, deadline, cancel); },
        .catalog = &catalog,
        .http = &http};
}

int serve(const cli::ServeOptions& options) {
    const sigset_t signals = block_stop_signals();
    const ServiceManager manager;
    Log log(STDERR_FILENO, ::isatty(STDERR_FILENO) != 0 ? Log::Format::kText : Log::Format::kJson,
            level_of(options.log_level));
    SystemClock clock;
    const auto http = net::make_http_client();
    CancelSource impatient;
    const Backend backend = options.uses_kubernetes
                                ? open_kubernetes(options, *http, clock, log, impatient.token())
                                : open_embedded(options, clock, log);
    run::World world{backend.leaders ? *backend.leaders : *backend.cluster,
                     clock,
                     *http,
                     log,
                     options.controller_namespace,
                     options.job_pods,
                     aws::read_environment(cli::process_environment())};
    const run::Catalog catalog = functions::catalog();
    run::Engine engine(
        world, catalog,
        {.max_running = options.max_running > 0 ? options.max_running : run::kDefaultMaxRunning,
         .log_folder = std::filesystem::absolute(options.data_dir) / "logs"});
    const api::RunAccess access = access_to(engine, catalog, *http, options.controller_namespace);
    const auto api = api::start_api({.host = options.host,
                                     .port = options.port,
                                     .controller_namespace = options.controller_namespace,
                                     .version = kVersion,
                                     .store_bytes = backend.store_bytes,
                                     .security = options.security,
                                     .pods = backend.pods,
                                     .serves_objects = !options.uses_kubernetes,
                                     .calls_webhooks = false,
                                     .image_map = options.job_pods.images.text()},
                                    *backend.cluster, access, clock, log);
    CancelSource stopping;
    std::atomic<bool> is_superseded{false};
    TaskGroup leader;
    leader.spawn([&] {
        try {
            backend.lead(stopping.token(), [&](const CancelToken& end) {
                const binding::BindingController bindings(world.cluster, log, clock,
                                                          options.controller_namespace);
                engine.start();
                api->call_webhooks();
                {
                    const protect::Protector protector(world);
                    while (end.wait_for(std::chrono::hours(1))) {
                    }
                    impatient.cancel(
                        CancelReason::kShutdown);  // also where the API server that took the Lease is away
                }
                engine.stop();
            });
        } catch (const Cancelled&) {  // it never led
            return;
        }
        if (stopping.token().is_cancelled()) return;
        is_superseded = true;
        ::kill(::getpid(), SIGTERM);
    });
    log.info("ready", {{"listen", options.host + ":" + std::to_string(api->port())},
                       {"cluster", backend.name},
                       {"version", kVersion}});
    manager.tell("READY=1\nSTATUS=listening on " + options.host + ":" + std::to_string(api->port()));
    int signal = 0;
    sigwait(&signals, &signal);
    if (is_superseded)
        log.error("stopping: this replica no longer leads; another one goes on with its actions");
    else
        log.info("stopping; running actions go on with the next start",
                 {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
    manager.tell("STOPPING=1");
    pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);  // a second one ends the process at once
    impatient.cancel(CancelReason::kShutdown);
    api->stop();
    stopping.cancel(CancelReason::kShutdown);
    leader.join();
    return is_superseded ? cli::kFailed : cli::kDone;
}

// For the command line on Kubernetes: requests of the REST API are answered here, all others by the API
// server.
class KubernetesClient final : public net::HttpClient {
  public:
    explicit KubernetesClient(const std::string& ns)
        : log_(STDERR_FILENO, Log::Format::kText, LogLevel::kError),
          http_(net::make_http_client()),
          connection_(connect({}, clock_)),
          ns_(ns.empty() ? connection_.ns : ns),
          cluster_(cluster::kube::open_kube_cluster(connection_, *http_, clock_, {})),
          world_{*cluster_, clock_, *http_, log_, ns_},
          catalog_(functions::catalog()),
          engine_(world_, catalog_, {.log_folder = {}}),
          api_(make_api()) {}

    net::HttpResponse request(net::HttpRequest request, const CancelToken& cancel) override {
        const std::size_t path =
            std::min(request.url.find('/', request.url.find("://") + 3), request.url.size());
        const std::string_view asked = std::string_view(request.url).substr(path);
        if (asked == "/" || asked.starts_with("/v1/")) return api_->request(std::move(request), cancel);
        request.url.replace(0, path, connection_.server);
        request.tls = connection_.tls;
        request.proxy = connection_.proxy;
        std::erase_if(request.headers, [](const auto& header) { return header.first == "Authorization"; });
        if (std::string authorization = connection_.authorization(); !authorization.empty())
            request.headers.emplace_back("Authorization", std::move(authorization));
        request.headers.insert(request.headers.end(), connection_.headers.begin(), connection_.headers.end());
        return http_->request(std::move(request), cancel);
    }

  private:
    std::unique_ptr<net::HttpClient> make_api() {
        api::RunAccess access = access_to(engine_, catalog_, *http_, ns_);
        access.logs = [ns = ns_](const std::string& action_set, const std::string&, bool,
                                 const std::function<void(std::string_view)>&, const CancelToken&) {
            throw Error(ErrorKind::kUnsupported, "the logs of phases are with the daemon that ran them",
                        "kubectl exec -n " + ns + " deploy/fencepost -- fencepost logs " + action_set);
        };
        return api::make_in_process_api(
            {.controller_namespace = ns_, .version = kVersion, .serves_objects = false}, *cluster_,
            std::move(access), clock_, log_);
    }

    SystemClock clock_;
    Log log_;
    const std::unique_ptr<net::HttpClient> http_;
    const cluster::kube::Connection connection_;
    const std::string ns_;
    const std::unique_ptr<cluster::Cluster> cluster_;
    run::World world_;
    const run::Catalog catalog_;
    run::Engine engine_;  // never started: it only tells of obligations
    const std::unique_ptr<net::HttpClient> api_;
};

}  // namespace
}  // namespace fencepost

int main(int argc, char** argv) {
    using namespace fencepost;
    const run::Catalog catalog = functions::catalog();
    const cli::World world{.serve = &serve,
                           .make_http_client = &net::make_http_client,
                           .make_kubernetes_client =
                               [](const std::string& ns) { return std::make_unique<KubernetesClient>(ns); },
                           .catalog = &catalog,
                           .version = kVersion};
    return cli::run(argc, argv, world);
}
