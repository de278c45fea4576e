#include "run/action_run.h"

#include <algorithm>
#include <array>

#include "base/encodings.h"
#include "base/error.h"

namespace fencepost::run {
namespace {

constexpr std::chrono::minutes kDeferLimit{30};  // where it has no timeout of its own
constexpr std::chrono::minutes kHoldLimit{15};   // a prehook's, until its posthook is run whatever goes on
constexpr std::chrono::seconds kFirstBackoff{1};
constexpr std::chrono::minutes kLongestBackoff{5};
constexpr std::chrono::seconds kProgressEvery{1};
constexpr std::chrono::milliseconds kFirstCleanUpPause{50};
constexpr const char* kHoldLimitAnnotation = "fencepost.io/hold-limit";

std::string now_text(World& world) { return format_rfc3339_nano(world.clock.now()); }

// A time on the wall, as a point on the steady clock.
Deadline to_deadline(World& world, SystemTime until) {
    return world.clock.steady_now() +
           std::chrono::duration_cast<SteadyTime::duration>(until - world.clock.now());
}

std::string text_of(const Cancelled& cancelled) {
    return cancelled.reason() == CancelReason::kUser
               ? "cancelled by user"
               : "cancelled: " + std::string(to_string(cancelled.reason()));
}

}  // namespace

ActionRun::ActionRun(Machinery& machinery, Record& record, const model::ActionSet& action_set,
                     std::size_t index, const model::Action& definition, CancelToken cancel,
                     CancelToken shutdown)
    : machinery_(machinery),
      record_(record),
      action_set_(action_set),
      index_(index),
      spec_(action_set.actions[index]),
      action_(definition),
      cancel_(std::move(cancel)),
      shutdown_(std::move(shutdown)) {}

Incurrer ActionRun::incurrer() const {
    return {action_set_.name, action_set_.ns, action_set_.uid, spec_.name, spec_.object.to_value()};
}

Deadline ActionRun::action_deadline() const {
    if (spec_.timeout.empty()) return kNoDeadline;
    const Value record = record_.current().record;
    const SystemTime launched =
        parse_rfc3339(record["resumedAt"].string_or(record["launchedAt"].string_or("")));
    return to_deadline(machinery_.world, launched + std::chrono::duration_cast<SystemTime::duration>(
                                                        parse_duration(spec_.timeout)));
}

bool ActionRun::run() {
    const std::string ended =
        record_.current().record.get("actions").as_list().at(index_)["ended"].string_or("");
    if (!ended.empty()) return ended == state::kComplete;
    machinery_.events.tell(record_.object(), Events::Type::kNormal, "Started Action",
                           "Executing action " + spec_.name);
    bool is_launched = false;
    try {
        launch_action();
        is_launched = true;
        run_phases();
    } catch (const Cancelled& cancelled) {
        if (cancelled.reason() == CancelReason::kShutdown) throw;
        fail(text_of(cancelled));
    } catch (const Error& e) {
        if (!is_launched && !action_.phases.empty()) {
            record_.stage([&](Status& status) { status.phase(index_, 0)["state"] = state::kFailed; });
        }
        fail(is_launched ? e.what() : "Failed to launch Action " + spec_.name + ": " + e.what());
    }
    if (is_launched && action_.defer_phase) run_defer();
    release_obligations(!has_failed_);
    if (!has_failed_) render_artifacts();
    record_.stage([&](Status& status) {
        status.record["actions"].writable_list().at(index_)["ended"] =
            has_failed_ ? state::kFailed : state::kComplete;
        status.update_progress();
    });
    return !has_failed_;
}

void ActionRun::fail(const std::string& message) {
    has_failed_ = true;
    record_.stage([&](Status& status) { status.add_error(message); });
    machinery_.events.tell(record_.object(), Events::Type::kWarning, "ActionSetFailed Action: " + spec_.name,
                           message);
}

void ActionRun::launch_action() {
    cancel_.throw_if_cancelled();
    const Value record = record_.current().record;
    const Value& pods_then = record["actions"].as_list().at(index_)["pods"];
    launch_ = launch(machinery_.world, spec_, record["launchedAt"].as_string(), pods_then);
    if (const Value seen = pods_seen(launch_); pods_then.is_nil() && !seen.is_nil()) {
        // Durable with the first phase's intent.
        record_.stage([&](Status& now) { now.record["actions"].writable_list().at(index_)["pods"] = seen; });
    }
    const Value params = template_params(launch_, {}, nullptr);
    const auto take = [&](const model::Phase& phase) {
        try {
            references_[phase.name] = render_references(machinery_.renderer, phase.objects, params);
        } catch (Error& e) {
            e.add_trace("phase '" + phase.name + "'");
            throw;
        }
    };
    for (const model::Phase& phase : action_.phases) take(phase);
    if (action_.defer_phase) take(*action_.defer_phase);
    // What an earlier daemon finished.
    const Status status = record_.current();
    for (std::size_t i = 0; i < action_.phases.size(); ++i) {
        const Value& entry = status.phase(index_, static_cast<int>(i));
        const std::string now = entry["state"].string_or("");
        if (now == state::kComplete || now == state::kSkipped)
            phases_[action_.phases[i].name].output = entry["output"];
    }
    incur_posthook();
}

// A prehook that does not fence by Fence may quiesce anything: its posthook is what undoes it.
void ActionRun::incur_posthook() {
    if (!is_prehook(spec_.name)) return;
    const auto fences = [](const model::Phase& phase) { return phase.func == "Fence"; };
    if (std::any_of(action_.phases.begin(), action_.phases.end(), fences)) return;
    const Status status = record_.current();
    const Value& mine = status.record["actions"].as_list().at(index_);
    if (!mine["posthook"].bool_or(false) || mine["obligation"].is_string()) return;
    record_.commit([](Status&) {}, cancel_);  // the claim: nothing is owed for what another controller runs
    Value undo;
    undo["name"] = posthook_of(spec_.name);
    undo["object"] = spec_.object.to_value();
    undo["blueprint"] = spec_.blueprint;
    if (spec_.profile) undo["profile"] = spec_.profile->to_value();
    for (const auto& [key, value] : spec_.options) undo["options"][key] = value;
    const std::string limit =
        launch_.object.get("metadata", "annotations", kHoldLimitAnnotation).string_or("");
    const std::chrono::seconds hold =
        limit.empty() ? std::chrono::seconds(kHoldLimit)
                      : std::chrono::duration_cast<std::chrono::seconds>(parse_duration(limit));
    const std::string id =
        machinery_.keeper.incur_action(spec_.blueprint + "'s " + spec_.name + " of " + spec_.object.ns + "/" +
                                           spec_.object.name + " waits for " + posthook_of(spec_.name),
                                       undo, hold, incurrer());
    record_.stage([&](Status& now) { now.record["actions"].writable_list().at(index_)["obligation"] = id; });
}

void ActionRun::run_phases() {
    const Deadline limit = action_deadline();
    for (std::size_t i = 0; i < action_.phases.size(); ++i) {
        const std::string now = record_.current().phase(index_, static_cast<int>(i))["state"].string_or("");
        if (now == state::kComplete || now == state::kSkipped) continue;
        if (now == state::kFailed)
            throw Error(ErrorKind::kFailedPrecondition,
                        "phase '" + action_.phases[i].name + "' had failed before the restart");
        cancel_.throw_if_cancelled();
        run_phase(action_.phases[i], static_cast<int>(i), cancel_, limit);
        const std::string lost = machinery_.keeper.lost_fence(action_set_.uid, spec_.name);
        if (!lost.empty())
            throw Error(ErrorKind::kFailedPrecondition, lost,
                        "raise the fence's timeLimit, or make the backup quicker");
    }
}

void ActionRun::run_defer() {
    const model::Phase& phase = *action_.defer_phase;
    const std::string now = record_.current().phase(index_, kDefer)["state"].string_or("");
    if (now == state::kComplete || now == state::kFailed) return;
    const auto limit =
        phase.timeout.empty() ? std::chrono::nanoseconds(kDeferLimit) : parse_duration(phase.timeout);
    try {
        run_phase(phase, kDefer, shutdown_, machinery_.world.clock.steady_now() + limit);
    } catch (const Error& e) {
        fail(std::string("deferPhase: ") + e.what());
    }
}

void ActionRun::run_phase(const model::Phase& phase, int index, const CancelToken& cancel, Deadline limit) {
    const Status status = record_.current();
    const Value attempts = status.record.get("actions").as_list().at(index_).get("attempts", phase.name);
    const bool was_begun = !attempts.is_nil();
    int attempt = static_cast<int>(attempts.int_or(1));
    bool is_resumed = was_begun;
    std::chrono::nanoseconds backoff = phase.retry_backoff.empty() ? std::chrono::nanoseconds(kFirstBackoff)
                                                                   : parse_duration(phase.retry_backoff);
    for (;;) {
        try {
            return attempt_phase(phase, index, attempt, is_resumed, cancel, limit);
        } catch (const Error& e) {
            const bool is_last = attempt > phase.retries || e.kind() == ErrorKind::kInvalid ||
                                 machinery_.world.clock.steady_now() + backoff >= limit;
            if (is_last || cancel.is_cancelled()) throw;
            machinery_.world.log.warning("a phase failed and will be tried again",
                                         {{"actionSet", action_set_.name},
                                          {"phase", phase.name},
                                          {"attempt", std::to_string(attempt)},
                                          {"error", e.what()}});
        }
        machinery_.world.clock.sleep(backoff, cancel);
        backoff = std::min<std::chrono::nanoseconds>(backoff * 2, kLongestBackoff);
        ++attempt;
        is_resumed = false;
    }
}

Value ActionRun::phase_params(const model::Phase& phase, int index) {
    PhaseParams& own = index == kDefer ? defer_ : phases_[phase.name];
    PhaseParams fetched = fetch_phase_objects(machinery_.world, references_[phase.name]);
    own.secrets = std::move(fetched.secrets);
    own.config_maps = std::move(fetched.config_maps);
    // A deferPhase finds its own Secrets under .Phases too, as its author named it.
    std::map<std::string, PhaseParams> seen = phases_;
    if (index == kDefer) seen[phase.name] = defer_;
    return template_params(launch_, seen, index == kDefer ? &defer_ : nullptr);
}

bool ActionRun::is_skipped(const model::Phase& phase, const Value& params) const {
    return !phase.condition.empty() && !says_true(machinery_.renderer.text(phase.condition, params));
}

void ActionRun::attempt_phase(const model::Phase& phase, int index, int attempt, bool is_resumed,
                              const CancelToken& cancel, Deadline limit) {
    const std::string trace =
        (index == kDefer ? "deferPhase '" : "phase '") + phase.name + "' of action '" + spec_.name + "'";
    std::optional<PhaseRun> run;
    const auto failed = [&](const std::string& error) {
        fail_phase(phase, index, error, run ? run->log_tail() : "");
    };
    Deadline deadline = limit;
    try {
        const Function& function = *machinery_.catalog.find(phase.func);
        const Value params = phase_params(phase, index);
        if (is_skipped(phase, params)) return end(phase, index, state::kSkipped, {});
        if (!phase.timeout.empty())
            deadline = std::min(limit, machinery_.world.clock.steady_now() + parse_duration(phase.timeout));
        if (is_resumed && !function.is_safe_to_repeat()) {
            throw Error(ErrorKind::kFailedPrecondition,
                        "Fencepost was restarted while the phase ran, and " + phase.func +
                            " cannot safely be repeated",
                        "run the action again");
        }
        const Value args =
            function.renders_own_args() ? phase.args : machinery_.renderer.value(phase.args, params);
        check_args(function, args);
        if (!is_resumed) begin(phase, index, attempt, cancel);
        SteadyTime told{};
        const auto progress = [&](int percent, std::uint64_t uploaded, std::uint64_t downloaded) {
            const auto change = [&](Status& status) {
                Value& entry = status.phase(index_, index)["progress"];
                entry["progressPercent"] = std::to_string(percent);
                entry["sizeUploadedB"] = static_cast<std::int64_t>(uploaded);
                entry["sizeDownloadedB"] = static_cast<std::int64_t>(downloaded);
                status.update_progress();
            };
            const SteadyTime now = machinery_.world.clock.steady_now();
            if (now - told < kProgressEvery) return record_.stage(change);
            told = now;
            record_.commit(change, cancel);
        };
        run.emplace(
            machinery_,
            PhaseRun::Which{record_.object(), spec_, index_, phase.name, attempt, is_resumed, incurrer()},
            params, deadline, cancel, progress);
        const Outcome outcome = run->execute(function, args);
        run->cancel().throw_if_cancelled();
        end(phase, index, state::kComplete, outcome.outputs);
    } catch (const Cancelled& cancelled) {
        if (cancelled.reason() == CancelReason::kShutdown) throw;
        if (cancelled.reason() != CancelReason::kDeadline) {
            failed(text_of(cancelled));
            if (run) clean_ups_ = run->take_clean_ups();
            throw;
        }
        const bool is_actions = deadline == limit && phase.timeout.empty();
        Error error(ErrorKind::kTimeout, is_actions
                                             ? "the action did not end within its timeout of " + spec_.timeout
                                             : "it did not end within its timeout of " + phase.timeout);
        error.add_trace(trace);
        failed(error.what());
        if (run) clean_ups_ = run->take_clean_ups();
        throw error;
    } catch (Error& e) {
        e.add_trace(trace);
        failed(e.what());
        if (run) clean_ups_ = run->take_clean_ups();
        throw;
    }
    if (run) {
        for (auto& clean_up : run->take_clean_ups()) clean_ups_.push_back(std::move(clean_up));
    }
}

// The intent: durable before the function is called. It takes along what the phase before has left staged.
void ActionRun::begin(const model::Phase& phase, int index, int attempt, const CancelToken& cancel) {
    const bool is_defer = index == kDefer;
    record_.commit(
        [&](Status& status) {
            Value& entry = status.phase(index_, index);
            entry["state"] = state::kRunning;
            entry["startTime"] = now_text(machinery_.world);
            entry.erase("endTime");
            entry.erase("error");
            entry.erase("logTail");
            entry["attempts"] = attempt;
            status.record["actions"].writable_list().at(index_)["attempts"][phase.name] = attempt;
            status.status["progress"]["runningPhase"] = phase.name;
            status.status["progress"]["lastTransitionTime"] = format_rfc3339(machinery_.world.clock.now());
        },
        cancel);
    clean_up();
    machinery_.events.tell(record_.object(), Events::Type::kNormal,
                           is_defer ? "Started deferPhase" : "Started Phase",
                           (is_defer ? "Executing deferPhase " : "Executing phase ") + phase.name);
}

void ActionRun::end(const model::Phase& phase, int index, const char* state, const Value& output) {
    const bool is_defer = index == kDefer;
    record_.stage([&](Status& status) {
        Value& entry = status.phase(index_, index);
        entry["state"] = state;
        entry["endTime"] = now_text(machinery_.world);
        if (output.is_map()) entry["output"] = output;
        if (state == std::string_view(state::kComplete)) entry["progress"]["progressPercent"] = "100";
        status.update_progress();
    });
    (is_defer ? defer_ : phases_[phase.name]).output = output;
    if (state == std::string_view(state::kComplete)) {
        machinery_.events.tell(record_.object(), Events::Type::kNormal,
                               is_defer ? "Ended deferPhase" : "Ended Phase",
                               (is_defer ? "Completed deferPhase " : "Completed phase ") + phase.name);
    }
}

void ActionRun::fail_phase(const model::Phase&, int index, const std::string& error,
                           const std::string& log_tail) {
    record_.stage([&](Status& status) {
        Value& entry = status.phase(index_, index);
        entry["state"] = state::kFailed;
        entry["endTime"] = now_text(machinery_.world);
        entry["error"] = error;
        if (!log_tail.empty()) entry["logTail"] = log_tail;
    });
}

// What was quiesced is undone, but for what a prehook that worked leaves to its posthook.
void ActionRun::release_obligations(bool is_complete) {
    const Incurrer who = incurrer();
    if (is_complete && is_prehook(spec_.name)) return;
    try {
        if (is_complete && is_posthook(spec_.name)) {
            std::optional<SystemTime> began;
            if (record_.object().get("metadata", "annotations", kUndoes).is_nil())
                began = parse_rfc3339(record_.current().record["launchedAt"].string_or(""));
            const std::string lost = machinery_.keeper.posthook_ended(who, began);
            if (!lost.empty()) fail(lost);
        }
        if (!machinery_.keeper.has_open(who.uid, spec_.name)) return;
        flush(shutdown_);
        machinery_.keeper.release_of(who.uid, spec_.name, "actionEnded", shutdown_);
    } catch (const Error& e) {
        fail(e.what());  // the keeper goes on trying
    }
}

void ActionRun::flush(const CancelToken& cancel) {
    record_.commit([](Status&) {}, cancel);
    clean_up();
}

void ActionRun::clean_up() {
    for (auto& work : std::exchange(clean_ups_, {})) {
        std::chrono::milliseconds pause = kFirstCleanUpPause;
        for (bool is_done = false; !is_done;
             pause = std::min<std::chrono::milliseconds>(pause * 2, kProgressEvery)) {
            try {
                work();
                is_done = true;
            } catch (const Error& e) {
                machinery_.world.log.warning("cannot clean up after a phase",
                                             {{"actionSet", action_set_.name}, {"error", e.what()}});
                // A disk that is full, a server that is away; what the next daemon finds undone, it does.
                const bool may_pass = e.is_transient() || e.kind() == ErrorKind::kExhausted;
                is_done = !may_pass || !shutdown_.wait_for(pause);
            }
        }
    }
}

void ActionRun::render_artifacts() {
    if (action_.output_artifacts.empty()) return;
    try {
        const Value params = template_params(launch_, phases_, &defer_);
        Value rendered{Map{}};
        for (const auto& [name, artifact] : action_.output_artifacts) {
            try {
                Value& result = rendered[name];
                for (const auto& [key, text] : artifact.key_value)
                    result["keyValue"][key] = machinery_.renderer.text(text, params);
                if (!artifact.kopia_snapshot.empty())
                    result["kopiaSnapshot"] = machinery_.renderer.text(artifact.kopia_snapshot, params);
            } catch (Error& e) {
                e.add_trace("output artifact '" + name + "'");
                throw;
            }
        }
        record_.stage([&](Status& status) {
            status.status["actions"].writable_list().at(index_)["artifacts"] = rendered;
        });
    } catch (const Error& e) {
        fail(std::string("Failed to render output artifacts: ") + e.what());
    }
}

}  // namespace fencepost::run
