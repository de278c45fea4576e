#include "functions/job_pod.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "cluster/strategic_merge.h"
#include "functions/tail.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

using cluster::ObjectKey;
namespace types = cluster::types;

std::string phase_of(const Value& pod) { return pod.get("status", "phase").string_or(""); }
bool is_over(const Value& pod) { return phase_of(pod) == "Succeeded" || phase_of(pod) == "Failed"; }

// Why a Pod that is still Pending will never start, or "".
std::string hopeless_reason(const Value& pod) {
    const std::string reason = pod.get("status", "reason").string_or("");
    if (reason == "OutOfmemory" || reason == "OutOfcpu")
        return reason + ": " + pod.get("status", "message").string_or("");
    for (const std::string_view list : {"initContainerStatuses", "containerStatuses"}) {
        for (const Value& container : pod.get("status", list).list_or_empty()) {
            const Value& waiting = container.get("state", "waiting");
            const std::string why = waiting["reason"].string_or("");
            if (why == "CreateContainerConfigError" || why == "InvalidImageName" ||
                why == "ErrImageNeverPull") {
                return "container '" + container["name"].string_or("") + "': " + why + ": " +
                       waiting["message"].string_or("");
            }
        }
    }
    return {};
}

std::string failure_text(const Value& pod) {
    std::string text = pod.get("status", "message").string_or(pod.get("status", "reason").string_or(""));
    for (const std::string_view list : {"initContainerStatuses", "containerStatuses"}) {
        for (const Value& container : pod.get("status", list).list_or_empty()) {
            const Value& ended = container.get("state", "terminated");
            if (!ended.is_map() || ended["exitCode"].int_or(0) == 0) continue;
            if (!text.empty()) text += "; ";
            text += "container '" + container["name"].string_or("") + "' ended with exit code " +
                    std::to_string(ended["exitCode"].int_or(0));
            if (const std::string why = ended["message"].string_or(""); !why.empty())
                text += " (" + why + ")";
        }
    }
    return text.empty() ? "it failed without a reason" : text;
}

class Job {
  public:
    Job(run::RunContext& run, const ObjectKey& key, const std::string& container)
        : run_(run), cluster_(run.world().cluster), key_(key), container_(container) {}

    // The Pod of an earlier daemon's same attempt, or a new one.
    void create_or_adopt(const Value& pod) {
        if (run_.is_resumed()) {
            try {
                uid_ = cluster::uid_of(run_.world().cluster.get(key_));
                return;
            } catch (const Error& e) {
                if (e.kind() != ErrorKind::kNotFound) throw;
            }
        }
        try {
            uid_ = cluster::uid_of(run_.world().cluster.create(types::kPods, pod));
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kAlreadyExists) throw;
            uid_ = cluster::uid_of(run_.world().cluster.get(key_));
        }
    }

    // Not adopting it. What an earlier daemon's same attempt left goes first.
    void create_anew(const Value& pod) {
        if (run_.is_resumed()) {
            try {
                uid_ = cluster::uid_of(cluster_.get(key_));
                remove();
                wait_until_gone();
            } catch (const Error& e) {
                if (e.kind() != ErrorKind::kNotFound) throw;
            }
        }
        uid_ = cluster::uid_of(cluster_.create(types::kPods, pod));
    }

    [[nodiscard]] ExecTarget exec_target() const { return {key_.ns, key_.name, container_, uid_}; }

    void wait_for_start() {
        const Deadline limit = std::min(run_.deadline(), run_.world().clock.steady_now() + kPodStartLimit);
        const Value pod = wait(limit, [](const Value& seen) {
            if (phase_of(seen) == "Pending" || phase_of(seen).empty()) {
                if (const std::string why = hopeless_reason(seen); !why.empty()) {
                    throw Error(ErrorKind::kFailedPrecondition, "pod " + cluster::namespace_of(seen) + "/" +
                                                                    cluster::name_of(seen) +
                                                                    " cannot start: " + why);
                }
                return false;
            }
            return true;
        });
        if (pod.is_nil()) {
            throw Error(ErrorKind::kTimeout,
                        "Pod did not transition into running state. Timeout:" + format_limit() +
                            "  Namespace:" + key_.ns + ", Name:" + key_.name,
                        "look at it with: fencepost describe pod " + key_.name + " -n " + key_.ns);
        }
    }

    void follow_log() {
        unless_gone([&] {
            cluster_.logs(
                key_.ns, key_.name, {.container = container_, .follow = true},
                [&](std::string_view bytes) {
                    tail_.add(bytes);
                    run_.feed_output(bytes);
                },
                run_.cancel());
        });
    }

    void wait_for_end(bool may_fail) {
        const Value pod = wait(run_.deadline(), is_over);
        if (pod.is_nil())
            throw Error(ErrorKind::kTimeout, "pod " + key_.ns + "/" + key_.name + " did not end in time");
        if (phase_of(pod) == "Failed") {
            const std::string what = "Pod " + key_.ns + "/" + key_.name + " failed: " + failure_text(pod);
            if (!may_fail)
                throw Error(ErrorKind::kInternal, what + "; the last lines of its output:" + tail_.text());
            run_.feed_error_output(what + "\n");
        }
    }

    // May be called after the run has ended.
    void remove() {
        try {
            cluster_.remove(key_, {.grace_period = std::chrono::seconds{0}, .precondition_uid = uid_});
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound && e.kind() != ErrorKind::kConflict) throw;
        }
    }

  private:
    static std::string format_limit() { return std::to_string(kPodStartLimit.count()) + "m"; }

    // The Pod once `done` accepts it; nil at the limit. A Pod that vanishes is an error.
    template <typename Done>
    Value wait(Deadline limit, Done done) {
        for (;;) {
            const auto watch = run_.world().cluster.watch(
                types::kPods, {.ns = key_.ns, .field_selector = "metadata.name=" + key_.name});
            Value pod = unless_gone([&] { return cluster_.get(key_); });
            try {
                for (;;) {
                    if (cluster::uid_of(pod) != uid_) throw_gone();
                    if (done(pod)) return pod;
                    const auto event = watch->next(run_.cancel(), limit);
                    if (!event) return {};
                    if (event->type == cluster::WatchEvent::Type::kBookmark) continue;
                    if (event->type == cluster::WatchEvent::Type::kDeleted) throw_gone();
                    pod = event->object;
                }
            } catch (const Error& e) {
                if (e.kind() != ErrorKind::kGone) throw;
            }
        }
    }

    // Ends with kNotFound as well.
    void wait_until_gone() {
        const auto watch =
            cluster_.watch(types::kPods, {.ns = key_.ns, .field_selector = "metadata.name=" + key_.name});
        while (cluster::uid_of(cluster_.get(key_)) == uid_) {
            if (!watch->next(run_.cancel(), run_.deadline())) {
                throw Error(ErrorKind::kTimeout,
                            "pod " + key_.ns + "/" + key_.name + " of an earlier attempt did not go");
            }
        }
    }

    // What reads the Pod: that it is not there is told as its deletion.
    template <typename Read>
    auto unless_gone(Read read) const -> decltype(read()) {
        try {
            return read();
        } catch (const Error& e) {
            if (e.kind() == ErrorKind::kNotFound) throw_gone();
            throw;
        }
    }

    [[noreturn]] void throw_gone() const {
        throw Error(ErrorKind::kNotFound,
                    "pod " + key_.ns + "/" + key_.name + " was deleted by somebody else while it ran");
    }

    run::RunContext& run_;
    cluster::Cluster& cluster_;
    ObjectKey key_;
    std::string container_;
    std::string uid_;
    Tail tail_;
};

JobPod placed(JobPod job, const run::World& world) {
    if (job.ns.empty()) job.ns = world.controller_namespace;
    return job;
}

Map merged_strings(const std::map<std::string, std::string>& weaker,
                   const std::map<std::string, std::string>& stronger) {
    Map merged;
    for (const auto& [key, value] : weaker) merged.set(key, value);
    for (const auto& [key, value] : stronger) merged.set(key, value);
    return merged;
}

}  // namespace

std::vector<model::ArgSpec> with_pod_args(std::vector<model::ArgSpec> args) {
    args.push_back({"podOverride", model::ArgType::kMap, false, "strategic merge patch over the Pod's spec"});
    args.push_back({"podLabels", model::ArgType::kMap, false, "labels for the Pod"});
    args.push_back({"podAnnotations", model::ArgType::kMap, false, "annotations for the Pod"});
    return args;
}

Value build_job_pod(const run::RunContext& run, const JobPod& job, const Value& args) {
    Value spec = job.spec;
    if (args["podOverride"].is_map()) spec = cluster::strategic_merge(spec, args["podOverride"]);
    if (run.action().pod_override.is_map()) spec = cluster::strategic_merge(spec, run.action().pod_override);

    Map labels = merged_strings(run.action().pod_labels, run::string_map_arg(args, "podLabels"));
    labels.set("createdBy", "kanister");
    labels.set("fencepost.io/action-set", cluster::uid_of(run.action_set()));
    if (const Value& id = run.action_set().get("metadata", "labels", "kanister.io/JobID"); id.is_string())
        labels.set("kanister.io/JobID", id);
    Map annotations = job.annotations;
    for (const Member& member :
         merged_strings(run.action().pod_annotations, run::string_map_arg(args, "podAnnotations"))) {
        annotations.set(member.key, member.value);
    }

    Value pod;
    pod["apiVersion"] = "v1";
    pod["kind"] = "Pod";
    pod["metadata"]["name"] = run.job_pod_name(job.name_prefix);
    pod["metadata"]["namespace"] = job.ns;
    pod["metadata"]["labels"] = Value(std::move(labels));
    if (!annotations.empty()) pod["metadata"]["annotations"] = Value(std::move(annotations));
    pod["spec"] = std::move(spec);
    return pod;
}

void run_job_pod(run::RunContext& run, const JobPod& wanted, const Value& args) {
    const JobPod described = placed(wanted, run.world());
    const Value pod = build_job_pod(run, described, args);
    const auto job = std::make_shared<Job>(run, ObjectKey{types::kPods, described.ns, cluster::name_of(pod)},
                                           described.log_container);
    job->create_or_adopt(pod);
    try {
        job->wait_for_start();
        job->follow_log();
        job->wait_for_end(described.may_fail);
    } catch (const Cancelled& cancelled) {
        // A daemon that stops leaves the Pod: the next one adopts it.
        if (cancelled.reason() != CancelReason::kShutdown) job->remove();
        throw;
    } catch (const Error&) {
        job->remove();
        throw;
    }
    run.after_recorded([job] { job->remove(); });
}

void in_job_pod(run::RunContext& run, const JobPod& wanted, const Value& args,
                const std::function<void(const ExecTarget&)>& work) {
    const JobPod described = placed(wanted, run.world());
    const Value pod = build_job_pod(run, described, args);
    Job job(run, {types::kPods, described.ns, cluster::name_of(pod)}, described.log_container);
    job.create_anew(pod);
    try {
        job.wait_for_start();
        work(job.exec_target());
    } catch (...) {
        job.remove();
        throw;
    }
    job.remove();
}

std::vector<run::Need> exec_pod_needs(const run::World& world, const Value& args) {
    std::vector<run::Need> needs = job_pod_needs(world, args);
    for (run::Need& need : needs) {
        if (need.subresource != "log") continue;
        need.verb = "create";
        need.subresource = "exec";
    }
    return needs;
}

std::vector<run::Need> job_pod_needs(const run::World& world, const Value& args) {
    const std::string ns = run::string_arg(args, "namespace", world.controller_namespace);
    std::vector<run::Need> needs;
    for (const char* verb : {"create", "get", "watch", "delete"})
        needs.push_back({.verb = verb, .type = types::kPods, .ns = ns});
    needs.push_back({.verb = "get", .type = types::kPods, .subresource = "log", .ns = ns});
    // The kubelet reads these; whoever makes the Pod needs no permission for them.
    const auto add = [&](const cluster::ResourceType& type, const Value& source, std::string_view member,
                         const std::string& argument) {
        const std::string name = source[member].string_or("");
        if (name.empty() || source["optional"].bool_or(false)) return;
        needs.push_back({.type = type,
                         .ns = ns,
                         .name = name,
                         .object = run::Need::Object::kThere,
                         .argument = argument});
    };
    const Value& pod = args["podOverride"];
    std::size_t index = 0;
    for (const Value& volume : pod["volumes"].list_or_empty()) {
        const std::string argument = "/podOverride/volumes/" + std::to_string(index++);
        add(types::kPersistentVolumeClaims, volume["persistentVolumeClaim"], "claimName", argument);
        add(types::kSecrets, volume["secret"], "secretName", argument);
        add(types::kConfigMaps, volume["configMap"], "name", argument);
    }
    index = 0;
    for (const Value& container : pod["containers"].list_or_empty()) {
        const std::string place = "/podOverride/containers/" + std::to_string(index++);
        std::size_t variable = 0;
        for (const Value& env : container["env"].list_or_empty()) {
            const std::string argument = place + "/env/" + std::to_string(variable++);
            add(types::kSecrets, env.get("valueFrom", "secretKeyRef"), "name", argument);
            add(types::kConfigMaps, env.get("valueFrom", "configMapKeyRef"), "name", argument);
        }
        variable = 0;
        for (const Value& source : container["envFrom"].list_or_empty()) {
            const std::string argument = place + "/envFrom/" + std::to_string(variable++);
            add(types::kSecrets, source["secretRef"], "name", argument);
            add(types::kConfigMaps, source["configMapRef"], "name", argument);
        }
    }
    return needs;
}

}  // namespace fencepost::functions
