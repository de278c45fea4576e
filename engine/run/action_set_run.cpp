#include "run/action_set_run.h"

#include <algorithm>
#include <atomic>

#include "base/encodings.h"
#include "base/error.h"
#include "base/task_group.h"
#include "run/resume.h"

namespace fencepost::run {
namespace {

namespace types = cluster::types;

enum class ActionEnd : std::uint8_t { kUnknown, kComplete, kFailed, kInterrupted };

// Only what the run needs of the blueprint: the one action, so that later edits change nothing.
Value frozen(const Value& blueprint, const model::Blueprint& parsed, const model::ActionSpec& spec) {
    Value entry;
    entry["blueprint"]["name"] = parsed.name;
    entry["blueprint"]["uid"] = parsed.uid;
    entry["blueprint"]["resourceVersion"] = parsed.resource_version;
    entry["blueprint"]["digest"] = parsed.digest;
    entry["definition"] = blueprint.get("actions", spec.name);
    entry["attempts"] = Map{};
    if (is_prehook(spec.name)) entry["posthook"] = parsed.actions.contains(posthook_of(spec.name));
    return entry;
}

}  // namespace

std::vector<Value> job_pods(cluster::Cluster& cluster) {
    return cluster.list(types::kPods, {.label_selector = kJobLabel}).items;
}

void remove_job_pods(cluster::Cluster& cluster, const std::vector<Value>& pods,
                     const std::function<bool(const std::string& uid)>& is_over) {
    for (const Value& pod : pods) {
        if (!is_over(pod.get("metadata", "labels", kJobLabel).string_or(""))) continue;
        try {
            cluster.remove(
                {types::kPods, cluster::namespace_of(pod), cluster::name_of(pod)},
                {.grace_period = std::chrono::seconds{0}, .precondition_uid = cluster::uid_of(pod)});
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kNotFound && e.kind() != ErrorKind::kConflict) throw;
        }
    }
}

std::vector<std::vector<std::size_t>> dependencies(const model::ActionSet& action_set) {
    const auto& actions = action_set.actions;
    std::vector<std::vector<std::size_t>> waits(actions.size());
    for (std::size_t i = 0; i < actions.size(); ++i) {
        for (const std::string& name : actions[i].depends_on) {
            bool is_found = false;
            for (std::size_t j = 0; j < actions.size(); ++j) {
                if (j == i || actions[j].name != name) continue;
                waits[i].push_back(j);
                is_found = true;
            }
            if (!is_found) {
                throw Error(ErrorKind::kInvalid, "action '" + actions[i].name + "' dependsOn '" + name +
                                                     "', which this ActionSet does not have");
            }
        }
    }
    // Whoever can start is taken out until nobody is left; a rest is a circle.
    std::vector<bool> is_out(actions.size(), false);
    for (std::size_t left = actions.size(); left > 0;) {
        const std::size_t before = left;
        for (std::size_t i = 0; i < actions.size(); ++i) {
            if (is_out[i] ||
                !std::all_of(waits[i].begin(), waits[i].end(), [&](std::size_t j) { return is_out[j]; }))
                continue;
            is_out[i] = true;
            --left;
        }
        if (left == before) throw Error(ErrorKind::kInvalid, "the actions' dependsOn form a circle");
    }
    return waits;
}

ActionSetRun::ActionSetRun(Machinery& machinery, const Value& object, CancelToken cancel,
                           CancelToken shutdown)
    : machinery_(machinery),
      record_(machinery.world, object),
      action_set_(model::ActionSet::from(object)),
      cancel_(std::move(cancel)),
      shutdown_(std::move(shutdown)) {}

void ActionSetRun::run() {
    if (is_terminal(record_.object())) {
        if (action_set_.is_being_deleted) record_.remove_finalizer(shutdown_);
        return;
    }
    try {
        if (is_anothers(record_.object())) throw NotOurs();
        if (!prepare()) return;
        run_actions();
        finish();
    } catch (const NotOurs&) {
        machinery_.world.log.info(
            "an ActionSet is left alone: another controller has begun it, or it is gone",
            {{"actionSet", action_set_.name}, {"namespace", action_set_.ns}});
    }
}

// False: it has failed for good, durably.
bool ActionSetRun::prepare() {
    const Status status = record_.current();
    was_begun_ = status.record.is_map();
    try {
        if (was_begun_) {
            thaw();
        } else {
            freeze();
        }
        (void)dependencies(action_set_);
    } catch (const Cancelled& cancelled) {
        if (cancelled.reason() == CancelReason::kShutdown) throw;
        refuse("cancelled by user");
        return false;
    } catch (const Error& e) {
        refuse(e.what());
        return false;
    }
    return true;
}

void ActionSetRun::freeze() {
    World& world = machinery_.world;
    cancel_.throw_if_cancelled();
    const std::string earlier = record_.object().get("metadata", "annotations", kResumes).string_or("");
    if (!earlier.empty()) return take_over(earlier);
    Value record;
    record["launchedAt"] = format_rfc3339_nano(world.clock.now());
    record["actions"] = List{};
    for (const model::ActionSpec& spec : action_set_.actions) {
        const Value blueprint = fetch_blueprint(world, action_set_.ns, spec);
        const model::Blueprint parsed = model::Blueprint::from(blueprint);
        definitions_.push_back(find_action(parsed, spec.name));
        check_functions(machinery_.catalog, definitions_.back());
        record["actions"].push_back(frozen(blueprint, parsed, spec));
    }
    // Not durable yet: the first phase's intent takes it along.
    record_.stage([&](Status& status) {
        status.status = initial_status(action_set_, definitions_);
        status.status["startTime"] = record["launchedAt"];
        status.set_state(state::kRunning);
        status.record = record;
    });
}

void ActionSetRun::take_over(const std::string& name) {
    World& world = machinery_.world;
    const Value earlier = world.cluster.get({types::kActionSets, action_set_.ns, name});
    if (const std::string why = why_not_resumable(world.cluster, earlier); !why.empty()) {
        throw Error(ErrorKind::kFailedPrecondition, "'" + name + "' cannot be resumed: " + why,
                    "retry it: that starts over");
    }
    const Status resumed = resumed_status(earlier, format_rfc3339_nano(world.clock.now()));
    record_.stage([&](Status& status) { status = resumed; });
    thaw();
    for (const model::Action& definition : definitions_) check_functions(machinery_.catalog, definition);
}

void ActionSetRun::thaw() {
    const Status status = record_.current();
    const List& frozen_actions = status.record["actions"].list_or_empty();
    if (frozen_actions.size() != action_set_.actions.size()) {
        throw Error(ErrorKind::kFailedPrecondition,
                    "the ActionSet's list of actions was changed while it ran");
    }
    for (std::size_t i = 0; i < frozen_actions.size(); ++i) {
        const std::string& name = action_set_.actions[i].name;
        Value blueprint;
        blueprint["metadata"]["name"] = frozen_actions[i].get("blueprint", "name");
        blueprint["actions"][name] = frozen_actions[i]["definition"];
        definitions_.push_back(find_action(model::Blueprint::from(blueprint), name));
    }
}

void ActionSetRun::refuse(const std::string& message) {
    record_.commit(
        [&](Status& status) {
            if (!status.status.is_map()) status.status = Map{};
            if (!was_begun_) status.status.erase("actions");
            status.set_state(state::kFailed);
            status.add_error(message);
            status.status["progress"].writable_map().erase("runningPhase");
            status.status["endTime"] = format_rfc3339_nano(machinery_.world.clock.now());
        },
        shutdown_);
    machinery_.events.tell(record_.object(), Events::Type::kWarning, "Error", message);
    machinery_.keeper.release_of(action_set_.uid, "", "actionEnded", shutdown_);
    record_.remove_finalizer(shutdown_);
}

void ActionSetRun::run_actions() {
    const auto waits = dependencies(action_set_);
    const std::size_t count = action_set_.actions.size();
    for (std::size_t i = 0; i < count; ++i) {
        runs_.push_back(std::make_unique<ActionRun>(machinery_, record_, action_set_, i, definitions_[i],
                                                    cancel_, shutdown_));
    }
    Guarded<std::vector<ActionEnd>> outcomes{std::vector<ActionEnd>(count, ActionEnd::kUnknown)};
    std::atomic<bool> is_ours = true;
    const auto run_one = [&](std::size_t i) {
        ActionEnd outcome = ActionEnd::kInterrupted;
        try {
            ActionEnd before = ActionEnd::kComplete;
            {
                auto all = outcomes.lock();
                all.wait([&] {
                    return std::all_of(waits[i].begin(), waits[i].end(),
                                       [&](std::size_t j) { return (*all)[j] != ActionEnd::kUnknown; });
                });
                for (const std::size_t j : waits[i]) before = std::max(before, (*all)[j]);
            }
            if (before == ActionEnd::kComplete) {
                outcome = runs_[i]->run() ? ActionEnd::kComplete : ActionEnd::kFailed;
            } else if (before == ActionEnd::kFailed) {
                record_.stage([&](Status& status) {
                    status.add_error("action '" + action_set_.actions[i].name +
                                     "' was not run: an action that it depends on failed");
                });
                outcome = ActionEnd::kFailed;
            }
        } catch (const Cancelled&) {
            // The daemon stops; the record says how far it came.
        } catch (const NotOurs&) {
            is_ours = false;
        } catch (const std::exception& e) {
            machinery_.world.log.error("an action ended in an unexpected way",
                                       {{"actionSet", action_set_.name}, {"error", e.what()}});
            record_.stage([&](Status& status) { status.add_error(e.what()); });
            outcome = ActionEnd::kFailed;
        }
        auto all = outcomes.lock();
        (*all)[i] = outcome;
        all.notify_all();
    };
    if (count == 1) {
        run_one(0);
    } else {
        TaskGroup threads;
        for (std::size_t i = 0; i < count; ++i) threads.spawn([&, i] { run_one(i); });
    }
    if (!is_ours) throw NotOurs();
    const std::vector<ActionEnd> all = *outcomes.lock();
    if (std::find(all.begin(), all.end(), ActionEnd::kInterrupted) != all.end())
        throw Cancelled(CancelReason::kShutdown);
    const bool is_complete =
        std::all_of(all.begin(), all.end(), [](ActionEnd end) { return end == ActionEnd::kComplete; });
    record_.stage([&](Status& status) { status.set_state(is_complete ? state::kComplete : state::kFailed); });
}

void ActionSetRun::finish() {
    record_.finish(
        [&](Status& status) {
            if (status.status["progress"].is_map())
                status.status["progress"].writable_map().erase("runningPhase");
            status.status["progress"]["lastTransitionTime"] = format_rfc3339(machinery_.world.clock.now());
            status.status["endTime"] = format_rfc3339_nano(machinery_.world.clock.now());
            status.update_progress();
        },
        shutdown_);
    for (const auto& run : runs_) run->clean_up();
    if (was_begun_) {
        remove_job_pods(machinery_.world.cluster, job_pods(machinery_.world.cluster),
                        [this](const std::string& uid) { return uid == action_set_.uid; });
    }
    const Value object = record_.object();
    const bool is_complete = record_.current().status["state"].string_or("") == state::kComplete;
    const std::string undoes = object.get("metadata", "annotations", kUndoes).string_or("");
    if (!undoes.empty())
        machinery_.keeper.undo_action_ended(undoes, is_complete,
                                            object.get("status", "error", "message").string_or(""));
    if (is_complete) {
        machinery_.events.tell(object, Events::Type::kNormal, "Update Complete",
                               "Updated ActionSet '" + action_set_.name + "' Status->complete");
    }
}

}  // namespace fencepost::run
