#include "run/journal.h"

#include "base/human.h"
#include "run/record.h"
#include "value/json.h"

namespace fencepost::run {
namespace {

constexpr std::size_t kErrorBytes = 300;

class Entries {
  public:
    Entries(List journal, std::string now) : journal_(std::move(journal)), now_(std::move(now)) {
        if (!journal_.empty()) last_ = journal_.back()["seq"].int_or(0);
    }
    Value& add(const char* type, const Value& time) {
        Value entry;
        entry["seq"] = ++last_;
        entry["type"] = type;
        entry["time"] = time.string_or(now_);
        journal_.push_back(std::move(entry));
        return journal_.back();
    }
    List take() {
        if (journal_.size() > kMaxJournal)
            journal_.erase(journal_.begin(), journal_.end() - static_cast<std::ptrdiff_t>(kMaxJournal));
        return std::move(journal_);
    }

  private:
    List journal_;
    const std::string now_;
    std::int64_t last_ = 0;
};

const char* end_type(std::string_view state) noexcept {
    if (state == state::kComplete) return "phase.completed";
    if (state == state::kFailed) return "phase.failed";
    return state == state::kSkipped ? "phase.skipped" : nullptr;
}

void compare_phases(Entries& entries, const Value& before, const Value& after, const Value& action) {
    const std::string state = after["state"].string_or("");
    const std::int64_t attempt = after["attempts"].int_or(0);
    const std::int64_t seen = before["attempts"].int_or(0);
    if (after["name"].string_or("").empty() || (state == before["state"].string_or("") && attempt == seen))
        return;
    if (before.is_nil() && state == state::kComplete) return;  // taken over from the action that is resumed
    const auto add = [&](const char* type, const Value& time, std::int64_t number) -> Value& {
        Value& entry = entries.add(type, time);
        entry["phase"] = after["name"];
        if (number > 0) entry["attempt"] = number;
        if (!action.is_nil()) entry["action"] = action;
        return entry;
    };
    const auto add_end = [&](const Value& phase, std::int64_t number) {
        const char* type = end_type(phase["state"].string_or(""));
        if (type == nullptr) return;
        Value& entry = add(type, phase["endTime"], number);
        if (phase["error"].is_string()) entry["error"] = shortened(phase["error"].as_string(), kErrorBytes);
    };
    // An attempt that failed and the next one's start are one write.
    if (attempt > seen && before["state"].string_or("") == state::kRunning) add("phase.failed", {}, seen);
    if (attempt > seen) add("phase.started", after["startTime"], attempt);
    if (state != state::kRunning) add_end(after, attempt);
}

const char* action_type(std::string_view state, bool was_cancelled) noexcept {
    if (state == state::kRunning) return "action.started";
    if (state == state::kComplete) return "action.completed";
    if (state != state::kFailed) return nullptr;
    return was_cancelled ? "action.cancelled" : "action.failed";
}

}  // namespace

List journal_after(List journal, const Value& before, const Value& after, bool was_cancelled,
                   const std::string& now) {
    Entries entries(std::move(journal), now);
    const std::string state = after["state"].string_or("");
    const bool is_new_state = state != before["state"].string_or("");
    const bool is_end = state == state::kComplete || state == state::kFailed;
    const char* type = is_new_state ? action_type(state, was_cancelled) : nullptr;
    if (type != nullptr && !is_end) entries.add(type, after["startTime"]);

    const List& earlier = before["actions"].list_or_empty();
    const List& actions = after["actions"].list_or_empty();
    for (std::size_t i = 0; i < actions.size(); ++i) {
        const Value was = i < earlier.size() ? earlier[i] : Value();
        const Value name = actions.size() > 1 ? actions[i]["name"] : Value();
        const List& phases_before = was["phases"].list_or_empty();
        const List& phases = actions[i]["phases"].list_or_empty();
        for (std::size_t j = 0; j < phases.size(); ++j)
            compare_phases(entries, j < phases_before.size() ? phases_before[j] : Value(), phases[j], name);
        compare_phases(entries, was["deferPhase"], actions[i]["deferPhase"], name);
    }
    if (type != nullptr && is_end) {
        Value& entry = entries.add(type, after["endTime"]);
        const std::string error = after.get("error", "message").string_or("");
        if (!error.empty()) entry["error"] = shortened(error, kErrorBytes);
    }
    return entries.take();
}

List journal_of(const Value& action_set) {
    const std::string record = action_set.get("metadata", "annotations", kRecordAnnotation).string_or("");
    return record.empty() ? List{} : parse_json(record)["journal"].list_or_empty();
}

}  // namespace fencepost::run
