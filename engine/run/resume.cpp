#include "run/resume.h"

#include "base/error.h"
#include "value/json.h"

namespace fencepost::run {
namespace {

Value record_of(const Value& action_set) {
    const std::string text = action_set.get("metadata", "annotations", kRecordAnnotation).string_or("");
    return text.empty() ? Value() : parse_json(text);
}

bool is_done(const Value& phase) {
    const std::string now = phase["state"].string_or("");
    return now == state::kComplete || now == state::kSkipped;
}

// What a phase quiesced and another phase did not release again was undone when the action ended.
std::string undone_fence(cluster::Cluster& cluster, const Value& action_set) {
    const std::string uid = cluster::uid_of(action_set);
    for (const Value& obligation : cluster.list(cluster::types::kObligations).items) {
        if (obligation.get("spec", "actionSet", "uid").string_or("") != uid) continue;
        if (obligation.get("status", "reason").string_or("") == "unfence") continue;
        return obligation.get("spec", "description").string_or("") + ", and that was undone when it ended";
    }
    return {};
}

// The same from the blueprint, for when the obligations are forgotten.
bool ends_fenced(const Value& definition, const Value& status) {
    bool is_fenced = false;
    const List& phases = definition["phases"].list_or_empty();
    const List& states = status["phases"].list_or_empty();
    for (std::size_t i = 0; i < std::min(phases.size(), states.size()); ++i) {
        if (!is_done(states[i])) continue;
        if (phases[i]["func"] == Value("Fence")) is_fenced = true;
        if (phases[i]["func"] == Value("Unfence")) is_fenced = false;
    }
    return is_fenced;
}

}  // namespace

std::string why_not_resumable(cluster::Cluster& cluster, const Value& action_set) {
    if (!is_terminal(action_set)) return "it has not ended";
    const Value& status = action_set["status"];
    if (status["state"].string_or("") == state::kComplete) return "it is complete";
    const Value record = record_of(action_set);
    const List& frozen = record["actions"].list_or_empty();
    const List& actions = status["actions"].list_or_empty();
    if (frozen.empty() || frozen.size() != actions.size()) return "it had not begun";
    for (std::size_t i = 0; i < actions.size(); ++i) {
        const std::string defer = actions[i].get("deferPhase", "state").string_or("");
        if (defer == state::kComplete || defer == state::kFailed)
            return "its deferPhase has cleaned up after the phases that were done";
        if (ends_fenced(frozen[i]["definition"], actions[i])) return "what it had fenced was unfenced";
    }
    return undone_fence(cluster, action_set);
}

Status resumed_status(const Value& action_set, const std::string& now) {
    Status resumed{action_set["status"], record_of(action_set)};
    resumed.record.erase("journal");
    resumed.record["resumedAt"] = now;  // .Time stays what it was: what is done may be named after it
    resumed.status.erase("endTime");
    resumed.status["startTime"] = now;
    resumed.status["error"]["message"] = "";
    resumed.status["progress"].writable_map().erase("runningPhase");
    resumed.set_state(state::kRunning);
    List& actions = resumed.status["actions"].writable_list();
    for (std::size_t i = 0; i < actions.size(); ++i) {
        Value& mine = resumed.record["actions"].writable_list().at(i);
        mine.erase("obligation");
        if (mine["ended"] != Value(state::kComplete)) mine.erase("ended");
        const auto start_over = [&](Value& phase) {
            const std::string name = phase["name"].string_or("");
            if (name.empty() || is_done(phase)) return;
            phase = Value(Map{{"name", name}, {"state", state::kPending}, {"progress", Map{}}});
            mine["attempts"].writable_map().erase(name);
        };
        for (Value& phase : actions[i]["phases"].writable_list()) start_over(phase);
        start_over(actions[i]["deferPhase"]);
    }
    resumed.update_progress();
    return resumed;
}

}  // namespace fencepost::run
