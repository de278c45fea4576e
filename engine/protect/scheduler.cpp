#include "protect/scheduler.h"

#include <algorithm>
#include <set>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/idempotent.h"
#include "cluster/requester.h"
#include "policy/calendar.h"
#include "protect/action_events.h"
#include "protect/action_status.h"
#include "protect/child_action.h"
#include "protect/policy_children.h"
#include "protect/presets.h"
#include "protect/restore_point.h"
#include "protect/verifiable.h"
#include "value/json.h"

namespace fencepost::protect {
namespace {

namespace types = cluster::types;
using cluster::ObjectKey;

// Schedules are to the minute.
constexpr std::chrono::seconds kLookAgain{10};
constexpr std::chrono::minutes kMostPause{5};  // where the cluster is away
constexpr std::chrono::minutes kLookAtBlueprints{10};

constexpr const char* kLastRun = "lastScheduledTime";

ObjectKey key_of(const Value& policy) {
    return {types::kPolicies, cluster::namespace_of(policy), cluster::name_of(policy)};
}

// "daily-20261122t030000z"
std::string run_name(const Value& policy, SystemTime scheduled) {
    std::string time;
    for (const char c : format_rfc3339(scheduled)) {
        if (c != '-' && c != ':') time += c == 'T' ? 't' : c == 'Z' ? 'z' : c;
    }
    return cluster::name_of(policy) + "-" + time;
}

}  // namespace

Scheduler::Scheduler(run::World& world, run::Events& events) : world_(world), events_(events) {
    thread_.spawn([this] { work(); });
}

Scheduler::~Scheduler() {
    stop_.cancel(CancelReason::kShutdown);
    thread_.join();
}

void Scheduler::work() {
    std::chrono::nanoseconds pause = kLookAgain;
    std::string told;
    try {
        for (;; world_.clock.sleep(pause, stop_.token())) {
            try {
                look();
                pause = kLookAgain;
                told.clear();
            } catch (const Error& e) {
                pause = std::min<std::chrono::nanoseconds>(pause * 2, kMostPause);
                if (std::exchange(told, e.what()) != e.what())
                    world_.log.warning("policies could not be looked at; trying again",
                                       {{"error", e.what()}});
            }
        }
    } catch (const Cancelled&) {
        return;
    }
}

void Scheduler::look() {
    std::set<std::string> there;
    for (const Value& policy : world_.cluster.list(types::kPolicies).items) {
        there.insert(cluster::uid_of(policy));
        try {
            look_at(policy);
        } catch (const Error& e) {
            if (e.kind() == ErrorKind::kNotFound) continue;  // deleted meanwhile
            if (e.is_transient()) throw;
            world_.log.error("a policy could not be taken further",
                             {{"policy", cluster::to_string(key_of(policy))}, {"error", e.what()}});
        }
    }
    std::erase_if(looked_, [&](const auto& entry) { return !there.contains(entry.first); });
    retire_expired();
    look_at_presets(world_);
}

void Scheduler::look_at(const Value& written) {
    List errors;
    Value object = written;
    try {
        object = as_preset(world_, written);
    } catch (const Error& e) {
        if (e.is_transient()) throw;
        errors.emplace_back(text_of(e));
    }
    model::Problems problems;
    const model::Policy policy = model::Policy::read(object, problems);
    for (const model::Problem& problem : problems.all()) {
        if (problem.severity == model::Severity::kError) errors.emplace_back(to_text(problem));
    }
    const bool is_readable = errors.empty();
    if (is_readable) {
        for (const std::string& error : unverifiable_by(object, policy)) errors.emplace_back(error);
    }
    const Value& status = written["status"];
    Value told;
    told["validation"] = errors.empty() ? "Success" : "Failed";
    told["error"] = errors.empty() ? Value() : Value(errors);
    told["hash"] = sha256_hex(to_json(object["spec"]));
    tell(world_, key_of(written), status, told);
    // A backup that cannot be verified is worth more than none.
    if (!is_readable || policy.is_paused) return;
    const SystemTime last = parse_rfc3339(status[kLastRun].string_or(
        written.get("metadata", "creationTimestamp").string_or("1970-01-01T00:00:00Z")));
    if (const auto due = policy::Calendar(policy).due(last, world_.clock.now())) run_due(written, *due);
}

// Blueprints and bindings change without the policy: it is looked at now and then.
const std::vector<std::string>& Scheduler::unverifiable_by(const Value& object, const model::Policy& policy) {
    Looked& looked = looked_[policy.uid];
    const Deadline now = world_.clock.steady_now();
    if (looked.spec != object["spec"] || now >= looked.until)
        looked = {object["spec"], now + kLookAtBlueprints, unverifiable(world_, policy)};
    return looked.found;
}

// The RunAction comes first: a daemon that dies in between finds it by its name, and makes no second one.
void Scheduler::run_due(const Value& policy, SystemTime scheduled) {
    const std::string ns = cluster::namespace_of(policy);
    const std::string mark = std::string(labels::kPolicy) + "=" + label_value(cluster::name_of(policy));
    const List runs = world_.cluster.list(types::kRunActions, {.ns = ns, .label_selector = mark}).items;
    const auto busy =
        std::find_if(runs.begin(), runs.end(), [](const Value& run) { return !is_terminal(run); });
    Value action;
    action["metadata"]["name"] = run_name(policy, scheduled);
    action["metadata"]["namespace"] = ns;
    action["metadata"]["labels"][labels::kPolicy] = label_value(cluster::name_of(policy));
    action["metadata"]["labels"][labels::kPolicyNamespace] = ns;
    action["spec"]["subject"] =
        Map{{"kind", "Policy"}, {"name", cluster::name_of(policy)}, {"namespace", ns}};
    action["spec"]["scheduledTime"] = format_rfc3339(scheduled);
    cluster::set_requester(action, "policy " + ns + "/" + cluster::name_of(policy));
    const bool is_skipped = busy != runs.end() && cluster::name_of(*busy) != cluster::name_of(action);
    if (is_skipped) {
        action["status"]["state"] = state::kSkipped;
        action["status"]["error"] = Map{{"message", "the run " + cluster::name_of(*busy) + " still works"}};
    }
    const bool is_new = cluster::create_unless_there(world_.cluster, types::kRunActions, action,
                                                     {.field_manager = "fencepost"});
    Value patch;
    patch["status"][kLastRun] = format_rfc3339(scheduled);
    (void)world_.cluster.patch(key_of(policy), cluster::PatchType::kMerge, patch,
                               {.field_manager = "fencepost"});
    if (is_new && is_skipped)
        tell_end(events_, world_.cluster.get({types::kRunActions, ns, cluster::name_of(action)}));
}

// Whoever made them: expiresAt is a promise of its own.
void Scheduler::retire_expired() {
    const SystemTime now = world_.clock.now();
    for (const Value& content :
         world_.cluster.list(types::kRestorePointContents, {.metadata_only = true}).items) {
        const std::string at = content.get("metadata", "annotations", kExpiresAt).string_or("");
        const bool is_kept = content.get("metadata", "labels", labels::kKeep) == Value("true");
        if (at.empty() || is_kept || !content.get("metadata", "deletionTimestamp").is_nil() ||
            parse_rfc3339(at) > now)
            continue;
        (void)world_.cluster.remove({types::kRestorePointContents, "", cluster::name_of(content)},
                                    {.precondition_uid = cluster::uid_of(content)});
    }
}

}  // namespace fencepost::protect
