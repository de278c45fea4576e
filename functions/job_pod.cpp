#include "functions/job_pod.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/overdue.h"
#include "cluster/strategic_merge.h"
#include "functions/pod_state.h"
#include "functions/tail.h"
#include "run/args.h"

namespace fencepost::functions {

namespace {

using cluster::ObjectKey;
namespace types = cluster::types;

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
        const std::chrono::seconds allowed = run_.world().job_pods.start_limit;
        PendingPod pending;
        Value last;
        const auto has_started = [&](const Value& seen) {
            if (!is_pending(seen)) return true;
            last = seen;
            if (const std::string why = pending.hopeless_reason(seen); !why.empty())
                throw Error(ErrorKind::kFailedPrecondition, named() + " cannot start: " + why);
            return false;
        };
        try {
            if (!wait(run_.world().clock.steady_now() + allowed, has_started).is_nil()) return;
        } catch (const Cancelled& cancelled) {
            if (cancelled.reason() == CancelReason::kDeadline)
                throw Error(ErrorKind::kTimeout, named() +
                                                     " had not started at the end of its phase's timeout" +
                                                     told(waiting_reason(last)));
            throw;
        }
        throw Error(ErrorKind::kTimeout,
                    "Pod did not transition into running state. Timeout:" + format_duration(allowed) +
                        "  Namespace:" + key_.ns + ", Name:" + key_.name + told(waiting_reason(last)),
                    "look at it with: kubectl describe pod " + key_.name + " -n " + key_.ns);
    }

    void follow_log() {
        try {
            cluster_.logs(
                key_.ns, key_.name, {.container = container_, .follow = true},
                [&](std::string_view bytes) {
                    tail_.add(bytes);
                    run_.feed_output(bytes);
                },
                run_.cancel());
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound) throw;  // wait_for_end() tells why it went
        }
    }

    void wait_for_end(bool may_fail) {
        const Value pod = wait(run_.deadline(), has_ended);
        if (pod.is_nil()) throw Error(ErrorKind::kTimeout, named() + " did not end in time");
        if (has_failed(pod)) {
            const std::string what = named() + " failed: " + failure_reason(pod);
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
    [[nodiscard]] std::string named() const { return "Pod " + key_.ns + "/" + key_.name; }
    static std::string told(const std::string& reason) { return reason.empty() ? "" : ": " + reason; }

    // The Pod once `done` accepts it; nil at the limit. A Pod that vanishes is an error. One watch sees all
    // of the Pod's life: what is said of its end is not to be had when it is gone.
    template <typename Done>
    Value wait(Deadline limit, Done done) {
        for (;;) {
            if (watch_ == nullptr) {
                watch_ = cluster_.watch(types::kPods,
                                        {.ns = key_.ns, .field_selector = "metadata.name=" + key_.name});
                seen_ = get();
            }
            try {
                for (;;) {
                    if (cluster::uid_of(seen_) != uid_) throw_gone();
                    if (done(seen_)) return seen_;
                    const Deadline overdue = overdue_at(seen_);
                    const auto event = watch_->next(run_.cancel(), std::min(limit, overdue));
                    if (!event && overdue < limit) throw_stuck(seen_);
                    if (!event) return {};
                    if (event->type == cluster::WatchEvent::Type::kBookmark) continue;
                    if (event->type == cluster::WatchEvent::Type::kDeleted) throw_gone(event->object);
                    seen_ = event->object;
                }
            } catch (const Error& e) {
                if (e.kind() != ErrorKind::kGone) throw;
                watch_.reset();
            }
        }
    }

    [[nodiscard]] Deadline overdue_at(const Value& pod) const {
        const std::optional<SystemTime> overdue = cluster::overdue_from(pod);
        if (!overdue) return kNoDeadline;
        const Clock& clock = run_.world().clock;
        return clock.steady_now() + std::chrono::duration_cast<SteadyTime::duration>(*overdue - clock.now());
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

    // That it is not there is told as its deletion.
    [[nodiscard]] Value get() const {
        try {
            return cluster_.get(key_);
        } catch (const Error& e) {
            if (e.kind() == ErrorKind::kNotFound) throw_gone();
            throw;
        }
    }

    [[noreturn]] void throw_gone(const Value& last = {}) const {
        throw Error(ErrorKind::kNotFound,
                    named() + " was deleted by somebody else while it ran" + told(disruption_reason(last)));
    }

    [[noreturn]] void throw_stuck(const Value& pod) const {
        throw Error(ErrorKind::kUnavailable,
                    named() + " was deleted while it ran, and its node '" +
                        pod.get("spec", "nodeName").string_or("") + "' does not end it" +
                        told(disruption_reason(pod)),
                    "what ran in it may still run there; look at the node");
    }

    run::RunContext& run_;
    cluster::Cluster& cluster_;
    ObjectKey key_;
    std::string container_;
    std::string uid_;
    std::unique_ptr<cluster::Watch> watch_;  // of this Pod, with what it has told of last
    Value seen_;
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

Value command_pod_spec(const std::string& image, const std::vector<std::string>& command) {
    Value container;
    container["name"] = "container";
    container["image"] = image;
    container["imagePullPolicy"] = "IfNotPresent";
    for (const std::string& word : command) container["command"].push_back(word);
    Value pod_spec;
    pod_spec["restartPolicy"] = "Never";
    pod_spec["containers"].push_back(std::move(container));
    return pod_spec;
}

namespace {

// Below all overrides, where it is told to be secure: no way to more rights than the container begins with;
// and what the policy asks of every container.
void add_secure_defaults(const run::JobPodDefaults& defaults, Value& spec) {
    const bool is_restricted = defaults.policy == model::PodPolicy::kRestricted;
    if (is_restricted) spec["securityContext"]["runAsNonRoot"] = true;
    for (const char* list : {"initContainers", "containers"}) {
        if (!spec[list].is_list()) continue;
        for (Value& container : spec[list].writable_list()) {
            Value& context = container["securityContext"];
            context["allowPrivilegeEscalation"] = false;
            if (is_restricted) context["capabilities"]["drop"] = List{"ALL"};
        }
    }
}

void map_images(const model::ImageMap& map, Value& spec) {
    for (const char* list : {"initContainers", "containers"}) {
        if (!spec[list].is_list()) continue;
        for (Value& container : spec[list].writable_list()) {
            if (container["image"].is_string()) container["image"] = map.of(container["image"].as_string());
        }
    }
}

void check_account(const run::JobPodDefaults& defaults, const Value& spec) {
    if (defaults.service_accounts.empty()) return;
    // The second is an older name of the first.
    for (const char* field : {"serviceAccountName", "serviceAccount"}) {
        const std::string account = spec[field].string_or("");
        const auto& allowed = defaults.service_accounts;
        if (account.empty() || account == defaults.service_account ||
            std::find(allowed.begin(), allowed.end(), account) != allowed.end()) {
            continue;
        }
        throw Error(ErrorKind::kForbidden, "the job Pod is refused: spec." + std::string(field) + ": '" +
                                               account +
                                               "' is not among the service accounts of --job-pod-accounts");
    }
}

// The Pod as it would be made, whatever made it so.
void check_policy(const run::JobPodDefaults& defaults, const Value& spec) {
    check_account(defaults, spec);
    const auto violations = model::violations_of(spec, defaults.policy);
    if (violations.empty()) return;
    std::string what;
    model::PodPolicy needed = defaults.policy;
    for (const model::PodViolation& violation : violations) {
        what += (what.empty() ? "" : "; ") + violation.field + ": " + violation.reason;
        needed = std::min(needed, violation.allowed_by);
    }
    throw Error(ErrorKind::kForbidden, "the job Pod is refused: " + what + "; --job-pod-policy " +
                                           std::string(to_string(needed)) + " would allow it");
}

}  // namespace

Value build_job_pod(run::RunContext& run, const JobPod& job, const Value& args) {
    const run::World& world = run.world();
    const run::JobPodDefaults& defaults = world.job_pods;
    Value spec = job.spec;
    spec["securityContext"]["seccompProfile"]["type"] = "RuntimeDefault";
    const std::array<const Value*, 2> overrides{&args["podOverride"], &run.action().pod_override};
    const bool names_account = std::any_of(overrides.begin(), overrides.end(), [](const Value* override) {
        return override->is_map() && !(*override)["serviceAccountName"].is_nil();
    });
    if (defaults.is_secure || defaults.policy == model::PodPolicy::kRestricted)
        add_secure_defaults(defaults, spec);
    if (defaults.is_secure) {
        if (!names_account) spec["automountServiceAccountToken"] = false;
    } else if (job.ns == world.controller_namespace && !defaults.service_account.empty()) {
        spec["serviceAccountName"] = defaults.service_account;
    }
    for (const Value* override : overrides) {
        if (override->is_map()) spec = cluster::strategic_merge(spec, *override);
    }
    map_images(defaults.images, spec);
    check_policy(defaults, spec);

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
