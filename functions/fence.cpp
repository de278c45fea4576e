// Fence quiesces Pods so that their storage, or a dump of them, is of one moment. Three flavours:
//   hooks   runs the commands that EDB's external backup adapter publishes in the Pods' annotations, where
//           the Cluster that they belong to allows it (fence_edb.cpp)
//   replay  pauses WAL replay of a streaming PostgreSQL replica
//   cnpg    has a CloudNativePG Cluster's operator shut one replica down (fence_cnpg.cpp)
// The obligation to undo is durable before the first command runs; run/obligations.h releases it on every
// path.
#include "functions/fence.h"

#include <algorithm>
#include <optional>

#include "base/encodings.h"
#include "base/error.h"
#include "functions/functions.h"
#include "functions/replica.h"
#include "run/args.h"
#include "value/json.h"

namespace fencepost::functions {

namespace {

namespace types = cluster::types;
using Argv = std::vector<std::string>;

constexpr std::string_view kDefaultPrefix = "kasten-enterprisedb.io";
constexpr std::string_view kDefaultTimeLimit = "30m";
constexpr std::string_view kDefaultUndoTime = "5m";

run::Need exec_in_any_pod(const std::string& ns) {
    return {.verb = "create", .type = types::kPods, .subresource = "exec", .ns = ns};
}

std::vector<Value> find_pods(run::RunContext& run, const Value& args) {
    const std::string ns = run::string_arg(args, "namespace");
    std::vector<Value> pods;
    for (const std::string& name : run::strings_arg(args, "pods"))
        pods.push_back(run.world().cluster.get({types::kPods, ns, name}));
    const std::string selector = run::string_arg(args, "labelSelector");
    if (!selector.empty()) {
        for (Value& pod :
             run.world().cluster.list(types::kPods, {.ns = ns, .label_selector = selector}).items)
            pods.push_back(std::move(pod));
    } else if (pods.empty()) {
        throw Error(ErrorKind::kInvalid, "Fence needs a labelSelector or pods");
    }
    std::erase_if(pods,
                  [](const Value& pod) { return pod.get("status", "phase").string_or("") != "Running"; });
    if (pods.empty()) {
        throw Error(
            ErrorKind::kFailedPrecondition,
            "no running pod in namespace '" + ns + "' matches '" + selector + "': there is nothing to fence",
            "is the backup adapter (the kasten add-on) enabled, and has the operator labelled a replica?");
    }
    return pods;
}

// The annotation as argv. Only a JSON array of strings will do: taking a shell line apart would guess at its
// quotes.
std::optional<Argv> command_annotation(const Value& pod, const std::string& key) {
    const Value& annotation = pod.get("metadata", "annotations", key);
    if (annotation.is_nil()) return std::nullopt;
    const auto fail = [&] {
        throw Error(ErrorKind::kInvalid,
                    "annotation " + key + " of pod " + cluster::name_of(pod) +
                        " is not a JSON array of strings: " + annotation.string_or(""),
                    R"(write it like ["/bin/sh", "-c", "..."])");
    };
    Value parsed;
    try {
        parsed = parse_json(annotation.string_or(""));
    } catch (const Error&) {
        fail();
    }
    Argv command;
    for (const Value& word : parsed.list_or_empty()) {
        if (!word.is_string()) fail();
        command.push_back(word.as_string());
    }
    if (command.empty()) fail();
    return command;
}

class Fence final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    // A daemon that died in the middle leaves an obligation, which is released; fencing again is for a new
    // attempt.
    [[nodiscard]] bool is_safe_to_repeat() const override { return false; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const std::string mode = run::string_arg(args, "mode", "hooks");
        if (mode != "hooks" && mode != "replay" && mode != "cnpg")
            throw Error(ErrorKind::kInvalid, "unknown mode '" + mode + "'", "it is hooks, replay or cnpg");
        Fenced fenced;
        if (mode == "cnpg") {
            fence_cnpg_replica(run, args, fenced);
        } else {
            for (const Value& pod : find_pods(run, args)) {
                if (mode == "hooks")
                    fence_by_hooks(run, args, pod, fenced);
                else
                    pause_replay(run, args, pod, fenced);
            }
        }
        Map outputs;
        outputs.set("pod", fenced.pods);
        outputs.set("podUid", fenced.uids);
        outputs.set("obligation", fenced.obligations);
        outputs.set("fencedAt", format_rfc3339_nano(run.world().clock.now()));
        const auto tell = [&](const char* name, const std::string& value) {
            if (!value.empty()) outputs.set(name, value);
        };
        tell("replayLsn", fenced.replay_lsn);
        tell("state", fenced.state);
        tell("timeline", fenced.timeline);
        tell("systemIdentifier", fenced.system_identifier);
        return {Value(std::move(outputs))};
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& /*world*/, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        const std::string ns = run::string_arg(args, "namespace");
        std::vector<run::Need> needs;
        std::size_t index = 0;
        for (const std::string& pod : run::strings_arg(args, "pods")) {
            const std::string argument = "/pods/" + std::to_string(index++);
            for (run::Need& need : exec_needs(ns, pod, "", argument)) needs.push_back(std::move(need));
        }
        const bool is_cnpg = run::string_arg(args, "mode") == "cnpg";
        if (is_cnpg) needs = cnpg_needs(args);
        if (is_cnpg || run::has_arg(args, "labelSelector")) {
            needs.push_back({.verb = "list", .type = types::kPods, .ns = ns});
            needs.push_back(exec_in_any_pod(ns));
        }
        return needs;
    }

  private:
    static void fence_by_hooks(run::RunContext& run, const Value& args, const Value& pod, Fenced& fenced) {
        const std::string prefix = run::string_arg(args, "annotationPrefix", kDefaultPrefix) + "/";
        const auto pre = command_annotation(pod, prefix + "pre-backup-command");
        const auto post = command_annotation(pod, prefix + "post-backup-command");
        const auto on_error = command_annotation(pod, prefix + "pre-backup-on-error");
        if (!pre || !post) {
            throw Error(ErrorKind::kFailedPrecondition,
                        "pod " + cluster::name_of(pod) + " has no annotation " + prefix +
                            (pre ? "post" : "pre") + "-backup-command",
                        "is the backup adapter (the kasten add-on) enabled on the cluster?");
        }
        const Value& annotations = pod.get("metadata", "annotations");
        const std::string pre_container =
            annotations[prefix + "pre-backup-container"].string_or(run::string_arg(args, "container"));
        const std::string post_container =
            annotations[prefix + "post-backup-container"].string_or(pre_container);
        run::ObligationRequest request =
            undone_by(obligation_for(args, pod, "fence", "is fenced"), post_container, *post);
        const auto entry = edb_entry(run, pod);
        if (entry) request.details["hookEntry"] = entry->to_value();
        const std::string id = run.incur(request);
        const ExecTarget target{cluster::namespace_of(pod), cluster::name_of(pod), pre_container,
                                cluster::uid_of(pod)};
        std::string error =
            exec_in_pod(run, target, *pre, [&](std::string_view bytes) { run.feed_output(bytes); });
        if (!error.empty()) {
            error = "the pre-backup command failed: " + error;
            if (on_error) {
                const std::string second = exec_in_pod(
                    run, target, *on_error, [&](std::string_view bytes) { run.feed_output(bytes); });
                if (second.empty())
                    run.withdraw(id, "the pre-backup command failed and the on-error command undid it");
                else
                    error += "; the on-error command failed too: " + second;
            }
            throw Error(ErrorKind::kInternal, error);
        }
        // Evidence of what is copied, where the container has it to give.
        std::string control;
        if (exec_in_pod(run, target, {"sh", "-c", kControlFile}, [&](std::string_view bytes) {
                control += bytes;
            }).empty()) {
            fenced.note(control);
        } else if (entry && control.starts_with(kRuns)) {
            throw Error(ErrorKind::kFailedPrecondition,
                        "PostgreSQL still runs in pod " + cluster::name_of(pod) +
                            " although its pre-backup command ended well: a copy would be of no one moment",
                        "does EDB's operator run, and does it still know this instance?");
        }
        fenced.add(pod, id);
    }

    static run::ObligationRequest undone_by(run::ObligationRequest request, std::string container,
                                            Argv undo) {
        request.container = std::move(container);
        request.undo_commands.push_back(std::move(undo));
        return request;
    }

    static void pause_replay(run::RunContext& run, const Value& args, const Value& pod, Fenced& fenced) {
        const ExecTarget target{cluster::namespace_of(pod), cluster::name_of(pod),
                                run::string_arg(args, "container"), cluster::uid_of(pod)};
        check_replica(run, args, target);
        const std::string id =
            run.incur(undone_by(obligation_for(args, pod, "walReplayPause", "has its WAL replay paused"),
                                target.container, psql(args, "select pg_wal_replay_resume()")));
        (void)query(run, args, target, "select pg_wal_replay_pause()");
        // The request is honoured between two WAL records, which can take a moment.
        while (query(run, args, target, "select pg_get_wal_replay_pause_state()") != "paused") {
            if (run.world().clock.steady_now() >= run.deadline())
                throw Error(ErrorKind::kTimeout,
                            "WAL replay of pod " + target.pod + " did not pause in time");
            run.world().clock.sleep(std::chrono::milliseconds{20}, run.cancel());
        }
        fenced.replay_lsn = query(run, args, target, "select pg_last_wal_replay_lsn()");
        fenced.add(pod, id);
    }

    model::FunctionSpec spec_{
        .name = "Fence",
        .args =
            {{"namespace", model::ArgType::kString, true, "the Pods' namespace"},
             {"labelSelector", model::ArgType::kString, false,
              "which Pods; none running is an error. cnpg: which of the replicas will do"},
             {"pods", model::ArgType::kStringList, false, "which Pods, by name"},
             {"mode", model::ArgType::kString, false,
              "hooks: the Pods' annotated commands; replay: pause WAL replay; cnpg: shut one replica of a "
              "CloudNativePG Cluster down",
              "hooks"},
             {"cluster", model::ArgType::kString, false, "cnpg: the Cluster's name"},
             {"annotationPrefix", model::ArgType::kString, false,
              "hooks: what the annotations' names begin with", kDefaultPrefix},
             {"container", model::ArgType::kString, false, "where no annotation names one"},
             {"timeLimit", model::ArgType::kString, false,
              "Go duration after which the fence is lifted whatever runs", kDefaultTimeLimit},
             {"maxLag", model::ArgType::kString, false,
              "replay, cnpg: the largest lag that will do, a Go duration"},
             {"database", model::ArgType::kString, false, "replay, cnpg: psql's database", kDefaultDatabase},
             {"user", model::ArgType::kString, false, "replay, cnpg: psql's user"},
             {"port", model::ArgType::kString, false, "replay, cnpg: psql's port"}},
        .outputs = {"pod", "podUid", "obligation", "fencedAt", "replayLsn", "state", "timeline",
                    "systemIdentifier"},
        .description = "quiesces Pods until Unfence, failure, cancellation or its time limit"};
};

class Unfence final : public run::Function {
  public:
    [[nodiscard]] const model::FunctionSpec& spec() const override { return spec_; }
    [[nodiscard]] bool is_safe_to_repeat() const override { return true; }

    run::Outcome execute(run::RunContext& run, const Value& args) const override {
        const std::string ns = run::string_arg(args, "namespace");
        const std::vector<std::string> ids = run::strings_arg(args, "obligations");
        const auto matches = [&](const Value& obligation) {
            if (!ids.empty())
                return std::find(ids.begin(), ids.end(), cluster::name_of(obligation)) != ids.end();
            return ns.empty() || obligation.get("spec", "pod", "namespace").string_or(ns) == ns;
        };
        const Deadline limit = std::min(
            run.deadline(), run.world().clock.steady_now() +
                                parse_duration(run::string_arg(args, "timeLimit", kDefaultUndoTime)));
        std::chrono::milliseconds delay{500};
        for (;;) {
            try {
                Map outputs;
                outputs.set("released", run.discharge(matches));
                return {Value(std::move(outputs))};
            } catch (const Error&) {
                // The obligation stays and its keeper goes on trying; here it is tried while the phase may.
                if (run.world().clock.steady_now() + delay >= limit) throw;
            }
            run.world().clock.sleep(delay, run.cancel());
            delay = std::min(delay * 2, std::chrono::milliseconds{10'000});
        }
    }

    [[nodiscard]] std::vector<run::Need> needs(run::World& /*world*/, const model::ActionSpec& /*action*/,
                                               const Value& args) const override {
        const std::string ns = run::string_arg(args, "namespace");
        if (ns.empty()) return {};  // wherever there was something to fence
        return {exec_in_any_pod(ns)};
    }

  private:
    model::FunctionSpec spec_{
        .name = "Unfence",
        .args = {{"namespace", model::ArgType::kString, false, "only fences on Pods of this namespace"},
                 {"obligations", model::ArgType::kStringList, false, "only these, by Fence's output"},
                 {"timeLimit", model::ArgType::kString, false, "how long to try again, a Go duration",
                  kDefaultUndoTime}},
        .outputs = {"released"},
        .description = "lifts what Fence placed for the same subject, on the very Pods that were fenced"};
};

}  // namespace

void Fenced::add(const Value& pod, const std::string& obligation) {
    const std::string gap = pods.empty() ? "" : " ";
    pods += gap + cluster::name_of(pod);
    uids += gap + cluster::uid_of(pod);
    obligations += gap + obligation;
}

std::string control_value(std::string_view text, std::string_view label) {
    const std::size_t at = text.find(label);
    if (at == std::string_view::npos) return {};
    const std::string_view line = text.substr(at + label.size(), text.find('\n', at) - at - label.size());
    return std::string(line.substr(std::min(line.find_first_not_of(' '), line.size())));
}

void Fenced::note(std::string_view control_data) {
    state = control_value(control_data, kState);
    replay_lsn = control_value(control_data, "Minimum recovery ending location:");
    timeline = control_value(control_data, "Latest checkpoint's TimeLineID:");
    system_identifier = control_value(control_data, "Database system identifier:");
}

run::ObligationRequest obligation_for(const Value& args, const Value& pod, std::string kind,
                                      std::string_view what) {
    run::ObligationRequest request;
    request.kind = std::move(kind);
    request.ns = cluster::namespace_of(pod);
    request.pod = cluster::name_of(pod);
    request.pod_uid = cluster::uid_of(pod);
    request.description = "pod " + request.ns + "/" + request.pod + " " + std::string(what);
    request.time_limit = std::chrono::duration_cast<std::chrono::seconds>(
        parse_duration(run::string_arg(args, "timeLimit", kDefaultTimeLimit)));
    return request;
}

const run::Function& fence() {
    static const Fence function;
    return function;
}

const run::Function& unfence() {
    static const Unfence function;
    return function;
}

}  // namespace fencepost::functions
