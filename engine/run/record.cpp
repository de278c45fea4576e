#include "run/record.h"

#include <algorithm>
#include <utility>

#include "base/encodings.h"
#include "base/error.h"
#include "run/journal.h"
#include "value/json.h"

namespace fencepost::run {
namespace {

constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{5'000};

Value with_finalizer(Value object) {
    if (!has_finalizer(object)) object["metadata"]["finalizers"].push_back(kFinalizer);
    return object;
}

bool has_record(const Value& action_set) noexcept {
    return !action_set.get("metadata", "annotations", kRecordAnnotation).is_nil();
}

Value record_of(const Value& action_set) {
    const std::string text = action_set.get("metadata", "annotations", kRecordAnnotation).string_or("");
    return text.empty() ? Value() : parse_json(text);
}

}  // namespace

bool has_finalizer(const Value& object) {
    const List& present = object.get("metadata", "finalizers").list_or_empty();
    return std::find(present.begin(), present.end(), Value(kFinalizer)) != present.end();
}

Value without_finalizer(Value object) {
    std::erase(object["metadata"]["finalizers"].writable_list(), Value(kFinalizer));
    return object;
}

bool is_terminal(const Value& action_set) noexcept {
    const Value& value = action_set.get("status", "state");
    return value.is_string() &&
           (value.as_string() == state::kComplete || value.as_string() == state::kFailed);
}

bool is_begun(const Value& action_set) noexcept {
    return has_record(action_set) || !action_set.get("status", "state").string_or("").empty();
}

bool is_anothers(const Value& action_set) noexcept { return is_begun(action_set) && !has_record(action_set); }

Value& Status::phase(std::size_t action, int phase) {
    Value& entry = status["actions"].writable_list().at(action);
    return phase < 0 ? entry["deferPhase"]
                     : entry["phases"].writable_list().at(static_cast<std::size_t>(phase));
}

const Value& Status::phase(std::size_t action, int phase) const {
    const Value& entry = status.get("actions").as_list().at(action);
    return phase < 0 ? entry["deferPhase"] : entry["phases"].as_list().at(static_cast<std::size_t>(phase));
}

void Status::add_error(const std::string& message) {
    const std::string before = status.get("error", "message").string_or("");
    status["error"]["message"] = before.empty() ? message : before + "; " + message;
}

void Status::update_progress() {
    std::int64_t done = 0;
    std::int64_t all = 0;
    std::int64_t uploaded = 0;
    std::int64_t downloaded = 0;
    for (const Value& action : status.get("actions").list_or_empty()) {
        for (const Value& phase : action["phases"].list_or_empty()) {
            ++all;
            const std::string now = phase["state"].string_or("");
            const Value& progress = phase["progress"];
            uploaded += progress["sizeUploadedB"].int_or(0);
            downloaded += progress["sizeDownloadedB"].int_or(0);
            if (now == state::kComplete || now == state::kSkipped)
                done += 100;
            else if (progress["progressPercent"].is_string())
                done += std::stol("0" + progress["progressPercent"].as_string());
        }
    }
    if (all > 0) status["progress"]["percentCompleted"] = std::to_string(done / all);
    if (uploaded > 0) status["progress"]["sizeUploadedB"] = uploaded;
    if (downloaded > 0) status["progress"]["sizeDownloadedB"] = downloaded;
}

Record::Record(World& world, Value object) : world_(world) {
    auto state = state_.lock();
    state->now.status = object["status"];
    state->now.record = record_of(object);
    state->object = std::move(object);
}

Status Record::current() const { return state_.lock()->now; }
Value Record::object() const { return state_.lock()->object; }
bool Record::is_lost() const { return state_.lock()->is_lost; }

void Record::stage(const std::function<void(Status&)>& change) { change(state_.lock()->now); }

void Record::commit(const std::function<void(Status&)>& change, const CancelToken& cancel) {
    auto state = state_.lock();
    Status next = state->now;
    change(next);
    if (to_json(next.status).size() > kMaxStatusBytes) {
        throw Error(ErrorKind::kTooLarge, "the ActionSet's status would have more than 1 MiB",
                    "put large results into the object store, not into outputs");
    }
    state->now = std::move(next);
    write(state, cancel);
}

void Record::finish(const std::function<void(Status&)>& change, const CancelToken& cancel) {
    auto state = state_.lock();
    change(state->now);
    state->has_finalizer = false;
    write(state, cancel);
}

void Record::remove_finalizer(const CancelToken& cancel) {
    auto state = state_.lock();
    state->has_finalizer = false;
    write(state, cancel);
}

void Record::write(Guarded<State>::Locked& state, const CancelToken& cancel) {
    std::chrono::milliseconds pause{0};  // the first conflict is met at once
    while (!state->is_lost) {
        Value next = state->has_finalizer ? with_finalizer(state->object) : without_finalizer(state->object);
        // Against what is stored: a write that failed, or that only its answer was lost of, is told of once.
        Value record = state->now.record;
        record["journal"] = journal_after(
            record["journal"].list_or_empty(), state->object["status"], state->now.status,
            state->object.get("spec", "cancel").bool_or(false), format_rfc3339_nano(world_.clock.now()));
        next["status"] = state->now.status;
        next["metadata"]["annotations"][kRecordAnnotation] =
            to_json(record, {.escape_html = false, .indent = ""});
        try {
            state->object =
                world_.cluster.replace(cluster::types::kActionSets, next, {.field_manager = "fencepost"});
            state->now.record = std::move(record);
            return;
        } catch (const Error& e) {
            const bool may_pass = e.is_transient() || e.kind() == ErrorKind::kExhausted;
            if (e.kind() != ErrorKind::kConflict && e.kind() != ErrorKind::kNotFound && !may_pass) throw;
            if (may_pass) {
                pause = std::max(pause, kFirstPause);
                world_.log.warning("cannot write an ActionSet's status, trying again",
                                   {{"actionSet", cluster::name_of(state->object)}, {"error", e.what()}});
            } else {
                read_again(*state);
            }
        }
        if (pause.count() > 0 && !cancel.wait_for(pause)) cancel.throw_if_cancelled();
        pause = std::clamp(pause * 2, kFirstPause, kLongestPause);
    }
}

// Somebody else changed the object, or it is gone.
void Record::read_again(State& state) {
    const cluster::ObjectKey key{cluster::types::kActionSets, cluster::namespace_of(state.object),
                                 cluster::name_of(state.object)};
    const bool is_claimed = has_record(state.object);
    try {
        Value fresh = world_.cluster.get(key);
        state.is_lost = cluster::uid_of(fresh) != cluster::uid_of(state.object);
        // A claim of ours whose answer was lost has our launch in its record.
        const Value record = record_of(fresh);
        if (!state.is_lost && !is_claimed && is_begun(fresh) &&
            (record.is_nil() || record["launchedAt"] != std::as_const(state.now.record)["launchedAt"]))
            throw NotOurs();
        if (!state.is_lost) {
            state.now.record["journal"] = journal_of(fresh);
            state.object = std::move(fresh);
        }
    } catch (const Error& e) {
        state.is_lost = e.kind() == ErrorKind::kNotFound;
        if (!state.is_lost && !e.is_transient()) throw;
    }
    if (state.is_lost && !is_claimed) throw NotOurs();
}

Value initial_status(const model::ActionSet& action_set, const std::vector<model::Action>& actions) {
    Value status;
    status["state"] = state::kPending;
    status["error"]["message"] = "";
    status["progress"] = Map{};
    status["actions"] = List{};
    const auto entry = [](const model::Phase& phase) {
        return Value(Map{{"name", phase.name}, {"state", state::kPending}, {"progress", Map{}}});
    };
    for (std::size_t i = 0; i < actions.size(); ++i) {
        const model::ActionSpec& spec = action_set.actions[i];
        Value action;
        action["name"] = spec.name;
        action["object"] = spec.object.to_value();
        action["blueprint"] = spec.blueprint;
        action["phases"] = List{};
        for (const model::Phase& phase : actions[i].phases) action["phases"].push_back(entry(phase));
        for (const auto& [name, artifact] : actions[i].output_artifacts)
            action["artifacts"][name] = artifact.to_value();
        action["deferPhase"] = actions[i].defer_phase
                                   ? entry(*actions[i].defer_phase)
                                   : Value(Map{{"name", ""}, {"state", ""}, {"progress", Map{}}});
        status["actions"].push_back(std::move(action));
    }
    return status;
}

}  // namespace fencepost::run
