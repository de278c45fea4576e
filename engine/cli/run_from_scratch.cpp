// `fencepost run --from-scratch`: the objects of files on an embedded cluster that lives for this run alone.
#include <chrono>
#include <thread>

#include "base/error.h"
#include "cli/interrupts.h"
#include "cli/manifests.h"
#include "cli/scratch_server.h"
#include "cli/verbs.h"

namespace fencepost::cli {
namespace {

using namespace std::chrono_literals;

// Namespaces are made as they are needed; Blueprints, bindings and Profiles without one go where the server
// looks for them.
void create(Server& server, Manifest manifest, const std::string& default_namespace) {
    Value& object = manifest.object;
    try {
        const auto type = server.type_of(object);
        std::string ns;
        if (type.is_namespaced) {
            const bool is_own = type.type == cluster::types::kBlueprints ||
                                type.type == cluster::types::kBlueprintBindings ||
                                type.type == cluster::types::kProfiles;
            if (cluster::namespace_of(object).empty())
                object["metadata"]["namespace"] = is_own ? "default" : default_namespace;
            ns = cluster::namespace_of(object);
            ensure_namespace(server, ns);
        } else if (type.kind == "Namespace" && server.find(object_path(type, "", cluster::name_of(object)))) {
            return;
        }
        settle_string_data(object);
        server.send("POST", object_path(type, ns, ""), object);
    } catch (Error& error) {
        error.add_trace(manifest.origin);
        throw;
    }
}

bool is_ready(const Value& pod) {
    const std::string phase = pod.get("status", "phase").string_or("");
    if (phase == "Succeeded") return true;
    if (phase != "Running") return false;
    for (const Value& condition : pod.get("status", "conditions").list_or_empty()) {
        if (condition["type"] == Value("Ready")) return condition["status"] == Value("True");
    }
    return false;
}

void wait_for_pods(Server& server) {
    constexpr auto kLongest = 120s;
    const auto type = server.type("pods");
    const auto until = std::chrono::steady_clock::now() + kLongest;
    while (true) {
        std::string waiting;
        const Value pods = server.get(object_path(type, "", ""));
        for (const Value& pod : pods["items"].list_or_empty()) {
            const std::string phase = pod.get("status", "phase").string_or("");
            const std::string name = cluster::namespace_of(pod) + "/" + cluster::name_of(pod);
            if (phase == "Failed")
                throw Error(ErrorKind::kFailedPrecondition,
                            "the Pod " + name + " has failed before the action could begin: " +
                                pod.get("status", "message").string_or(""));
            if (!is_ready(pod)) waiting += (waiting.empty() ? "" : ", ") + name;
        }
        if (waiting.empty()) return;
        if (std::chrono::steady_clock::now() > until)
            throw Error(ErrorKind::kTimeout, "these Pods are not ready: " + waiting);
        std::this_thread::sleep_for(100ms);
    }
}

}  // namespace

int run_from_scratch(const RunOptions& options, const World& world) {
    if (options.files.empty())
        throw UsageError("a cluster from scratch has nothing in it",
                         "give the blueprint and the objects with -f FILE");
    if (options.detach)
        throw UsageError("--from-scratch and --detach: the cluster goes when this command ends");
    const std::vector<Manifest> manifests = read_manifests(options.files);
    const ScratchServer scratch;
    block_interrupts();
    Server server(world.make_http_client(), scratch.address());
    int code = kFailed;
    try {
        for (const Manifest& manifest : manifests) create(server, manifest, options.ns);
        wait_for_pods(server);
        code = run_action(server, options);
    } catch (...) {
        ScratchServer::end_pods(server);
        throw;
    }
    ScratchServer::end_pods(server);
    return code;
}

}  // namespace fencepost::cli
