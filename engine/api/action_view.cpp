#include "api/action_view.h"

#include "api/action_request.h"
#include "cluster/cluster.h"
#include "model/objects.h"
#include "run/resume.h"

namespace fencepost::api {
namespace {

void copy(Value& to, const char* name, const Value& from) {
    if (!from.is_nil()) to[name] = from;
}

// `record` is what the executor noted of this phase beside Kanister's status.
Value phase_view(const Value& phase, bool is_defer) {
    Value view;
    view["name"] = phase["name"];
    view["state"] = phase["state"].string_or("pending");
    if (is_defer) view["isDefer"] = true;
    copy(view, "outputs", phase["output"]);
    copy(view, "startedAt", phase["startTime"]);
    copy(view, "endedAt", phase["endTime"]);
    copy(view, "attempts", phase["attempts"]);
    copy(view, "error", phase["error"]);
    copy(view, "logTail", phase["logTail"]);
    copy(view, "progress", phase["progress"]);
    return view;
}

Value subject_view(const Value& object) {
    Value view;
    for (const char* member : {"kind", "group", "apiVersion", "resource", "name", "namespace"}) {
        if (!object[member].string_or("").empty()) view[member] = object[member];
    }
    return view;
}

// pending until the executor says otherwise; a cancelled action is a failed one that was asked to end.
std::string state_of(const Value& action_set) {
    const std::string state = action_set.get("status", "state").string_or("pending");
    const bool was_asked = action_set.get("spec", "cancel").bool_or(false);
    return state == "failed" && was_asked ? "cancelled" : state;
}

}  // namespace

bool is_terminal(std::string_view state) noexcept {
    return state == "complete" || state == "failed" || state == "cancelled";
}

Value action_view(const Value& action_set) {
    const Value& metadata = action_set["metadata"];
    const Value& annotations = metadata["annotations"];
    const Value& status = action_set["status"];
    const List& specs = action_set.get("spec", "actions").list_or_empty();
    const List& states = status["actions"].list_or_empty();
    const Value first = specs.empty() ? Value() : specs.front();

    Value view;
    view["id"] = metadata["name"];
    view["namespace"] = metadata["namespace"];
    view["action"] = first["name"];
    view["state"] = state_of(action_set);
    view["subject"] = subject_view(first["object"]);
    view["blueprint"] = first["blueprint"];
    copy(view, "bindingReason", annotations[kBlueprintReason]);
    copy(view, "profile", first["profile"]);
    copy(view, "options", first["options"]);
    copy(view, "from", annotations[kFrom]);
    copy(view, "retryOf", annotations[kRetries]);
    copy(view, "resumeOf", annotations[run::kResumes]);
    copy(view, "timeout", first["timeout"]);
    view["phases"] = List{};
    view["artifacts"] = Map{};
    for (std::size_t i = 0; i < states.size(); ++i) {
        const auto add = [&](const Value& phase, bool is_defer) {
            Value item = phase_view(phase, is_defer);
            if (states.size() > 1) item["action"] = states[i]["name"];
            view["phases"].push_back(std::move(item));
        };
        for (const Value& phase : states[i]["phases"].list_or_empty()) add(phase, false);
        if (!states[i].get("deferPhase", "name").string_or("").empty()) add(states[i]["deferPhase"], true);
        // Until the action is complete these are templates that nobody has rendered.
        if (view["state"].string_or("") != "complete") continue;
        for (const auto& [name, artifact] : states[i]["artifacts"].map_or_empty())
            view["artifacts"][name] = artifact;
    }
    if (const std::string message = status.get("error", "message").string_or(""); !message.empty()) {
        view["error"]["message"] = message;
    }
    view["progress"] = status["progress"].is_map() ? status["progress"] : Value(Map{});
    view["createdAt"] = metadata["creationTimestamp"];
    copy(view, "startedAt", status["startTime"]);
    copy(view, "endedAt", status["endTime"]);
    return view;
}

}  // namespace fencepost::api
