#include "protect/action_status.h"

#include <algorithm>

#include "base/encodings.h"
#include "base/error.h"
#include "run/record.h"
#include "value/json.h"

namespace fencepost::protect {
namespace {

constexpr std::chrono::seconds kRetryPause{1};

}  // namespace

bool is_terminal(const Value& action) noexcept {
    const Value& is = action.get("status", "state");
    return is == Value(state::kComplete) || is == Value(state::kFailed) || is == Value(state::kSkipped) ||
           is == Value(state::kCancelled);
}

std::string text_of(const Error& error) {
    return error.hint().empty() ? error.what() : std::string(error.what()) + " (" + error.hint() + ")";
}

ActionStatus::ActionStatus(run::World& world, cluster::ResourceType type, Value object)
    : world_(world),
      key_{std::move(type), cluster::namespace_of(object), cluster::name_of(object)},
      uid_(cluster::uid_of(object)),
      object_(std::move(object)),
      status_(std::as_const(object_)["status"]) {
    const std::string text =
        std::as_const(object_).get("metadata", "annotations", run::kRecordAnnotation).string_or("");
    if (!text.empty()) record_ = parse_json(text);
}

std::string ActionStatus::now() const { return format_rfc3339_nano(world_.clock.now()); }

void ActionStatus::begin(const CancelToken& shutdown) {
    if (!std::as_const(status_)["startTime"].is_string()) status_["startTime"] = now();
    status_["state"] = state::kRunning;
    if (std::as_const(status_)["progress"].is_nil()) status_["progress"] = 0;
    set_condition("Reconciling", true, "Running", "");
    flush(shutdown);
}

Value& ActionStatus::step(const std::string& name) {
    Value& steps = status_["steps"];
    for (Value& one : steps.writable_list()) {
        if (std::as_const(one)["name"] == Value(name)) return one;
    }
    steps.push_back(Value(Map{{"name", name}}));
    return steps.writable_list().back();
}

void ActionStatus::begin_step(const std::string& name, const std::string& action_set) {
    Value& one = step(name);
    if (std::as_const(one)["state"] == Value("complete")) return;
    if (!std::as_const(one)["startTime"].is_string()) one["startTime"] = now();
    one["state"] = "running";
    if (!action_set.empty()) one["actionSet"] = action_set;
}

void ActionStatus::end_step(const std::string& name, const char* state, const std::string& message) {
    Value& one = step(name);
    if (!std::as_const(one)["startTime"].is_string()) one["startTime"] = now();
    if (std::as_const(one)["state"].string_or("running") == "running") one["endTime"] = now();
    one["state"] = state;
    if (!message.empty()) one["message"] = message;
}

void ActionStatus::expect_parts(std::size_t parts) { parts_ = parts; }

void ActionStatus::end_part() {
    const auto percent = static_cast<std::int64_t>(100 * ++ended_ / (parts_ + 1));
    const std::int64_t before = std::as_const(status_)["progress"].int_or(0);
    status_["progress"] = std::max(before, std::min<std::int64_t>(percent, 99));
}

void ActionStatus::add_exception(const std::string& message) {
    const Value exception(Map{{"message", message}});
    const List& there = std::as_const(status_)["exceptions"].list_or_empty();
    if (std::find(there.begin(), there.end(), exception) == there.end())
        status_["exceptions"].push_back(exception);
}

void ActionStatus::set_condition(const char* type, bool is_true, std::string_view reason,
                                 const std::string& message) {
    Value& conditions = status_["conditions"];
    Value* found = nullptr;
    for (Value& one : conditions.writable_list()) {
        if (std::as_const(one)["type"] == Value(type)) found = &one;
    }
    if (found == nullptr) {
        conditions.push_back(Value(Map{{"type", type}}));
        found = &conditions.writable_list().back();
    }
    Value& condition = *found;
    const char* status = is_true ? "True" : "False";
    if (std::as_const(condition)["status"] != Value(status))
        condition["lastTransitionTime"] = format_rfc3339(world_.clock.now());
    condition["status"] = status;
    condition["reason"] = reason;
    condition["message"] = message;
}

void ActionStatus::flush(const CancelToken& shutdown) {
    const auto put = [&](Value& object) {
        if (cluster::uid_of(object) != uid_) return false;
        object["status"] = status_;
        if (record_.is_nil()) {
            if (object.get("metadata", "annotations").is_map())
                object["metadata"]["annotations"].erase(run::kRecordAnnotation);
        } else {
            object["metadata"]["annotations"][run::kRecordAnnotation] = to_json(record_);
        }
        if (!has_finalizer_)
            object = run::without_finalizer(std::move(object));
        else if (!run::has_finalizer(object) && object.get("metadata", "deletionTimestamp").is_nil())
            object["metadata"]["finalizers"].push_back(run::kFinalizer);
        return true;
    };
    for (;;) {
        try {
            object_ = cluster::update(world_.cluster, key_, put, shutdown, {.field_manager = "fencepost"});
            return;
        } catch (const Error& e) {
            if (e.kind() == ErrorKind::kNotFound) return;
            if (!e.is_transient() && e.kind() != ErrorKind::kExhausted) throw;
            world_.log.warning("cannot write an action's status, trying again",
                               {{"action", cluster::to_string(key_)}, {"error", e.what()}});
        }
        world_.clock.sleep(kRetryPause, shutdown);
    }
}

void ActionStatus::let_go(const CancelToken& shutdown) {
    has_finalizer_ = false;
    flush(shutdown);
}

void ActionStatus::end(std::string_view state, const std::string& message, const CancelToken& shutdown) {
    const bool is_complete = state == state::kComplete;
    status_["state"] = state;
    status_["endTime"] = now();
    if (is_complete)
        status_["progress"] = 100;
    else
        status_["error"] = Map{{"message", message}};
    set_condition("Reconciling", false, state, "");
    set_condition(is_complete ? "Complete" : "Failed", true, state, message);
    if (!is_complete) set_condition("Stalled", true, state, message);
    has_finalizer_ = false;
    flush(shutdown);
}

}  // namespace fencepost::protect
