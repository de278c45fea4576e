// The composition root: the one file that knows everything. It builds the world and lends it to the command
// line.
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>

#include "api/api.h"
#include "base/clock.h"
#include "base/encodings.h"
#include "base/error.h"
#include "base/log.h"
#include "base/service_manager.h"
#include "base/task_group.h"
#include "binding/controller.h"
#include "cli/cli.h"
#include "cluster/kube/definitions.h"
#include "cluster/kube/kube_cluster.h"
#include "cluster/kube/lease.h"
#include "cluster/local/local_cluster.h"
#include "functions/catalog.h"
#include "net/http_client.h"
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
    try {
        cluster.create(cluster::types::kNamespaces, object);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kAlreadyExists) throw;
    }
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

// Its Role or ClusterRole decides where a controller looks for ActionSets: in this namespace, or ("") in all.
std::string only_namespace(cluster::Cluster& cluster, const std::string& own) {
    try {
        (void)cluster.list(cluster::types::kActionSets, {.limit = 1});
    } catch (const Error& e) {
        if (e.kind() == ErrorKind::kForbidden) return own;
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
    std::string only_ns;
    const auto open = [&](std::chrono::milliseconds patience, std::function<void()> before_write) {
        return kube::open_kube_cluster(connection, http, clock,
                                       {.patience = patience,
                                        .stop = impatient,
                                        .only_ns = only_ns,
                                        .before_write = std::move(before_write)});
    };
    only_ns = only_namespace(*open(kOutage, {}), options.controller_namespace);
    log.info(
        only_ns.empty() ? "controls all namespaces" : "controls its own namespace: it may look at no others",
        {{"namespace", options.controller_namespace}});
    Backend backend;
    backend.name = connection.server;
    backend.cluster = open(kOutage, {});
    backend.leaders = open(kOutage, [leading] { leading->check(); });
    if (options.installs_crds) kube::install_definitions(*backend.cluster, clock, log, impatient);

    std::array<char, 256> host{};
    (void)::gethostname(host.data(), host.size() - 1);
    const kube::LeaseOptions lease{.ns = options.controller_namespace,
                                   .identity = host.data() + std::string("_") + random_uuid()};
    const std::shared_ptr<cluster::Cluster> prompt =
        open({}, {});  // a renewal that fails is tried by its own clock
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
                     options.job_pods};
    const run::Catalog catalog = functions::catalog();
    run::Engine engine(
        world, catalog,
        {.max_running = options.max_running > 0 ? options.max_running : run::kDefaultMaxRunning,
         .log_folder = std::filesystem::absolute(options.data_dir) / "logs"});
    const api::RunAccess access{
        .logs =
            [&](const std::string& action_set, const std::string& phase, bool follow,
                const std::function<void(std::string_view)>& sink, const CancelToken& cancel) {
                engine.logs(options.controller_namespace, action_set, phase, follow, sink, cancel);
            },
        .obligations = [&](bool with_discharged) { return engine.obligations(with_discharged); },
        .release = [&](const std::string& id,
                       const CancelToken& cancel) { engine.release_obligation(id, cancel); },
        .extend = [&](const std::string& id, SystemTime deadline,
                      const CancelToken& cancel) { engine.extend_obligation(id, deadline, cancel); },
        .catalog = &catalog,
        .http = http.get()};
    const auto api = api::start_api({.host = options.host,
                                     .port = options.port,
                                     .controller_namespace = options.controller_namespace,
                                     .version = kVersion,
                                     .store_bytes = backend.store_bytes,
                                     .security = options.security,
                                     .pods = backend.pods,
                                     .serves_objects = !options.uses_kubernetes,
                                     .calls_webhooks = false},
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
                while (end.wait_for(std::chrono::hours(1))) {
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

}  // namespace
}  // namespace fencepost

int main(int argc, char** argv) {
    using namespace fencepost;
    const run::Catalog catalog = functions::catalog();
    const cli::World world{.serve = &serve,
                           .make_http_client = &net::make_http_client,
                           .catalog = &catalog,
                           .version = kVersion};
    return cli::run(argc, argv, world);
}
