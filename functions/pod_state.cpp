#include "functions/pod_state.h"

#include <string_view>

namespace fencepost::functions {

namespace {

std::string phase_of(const Value& pod) { return pod.get("status", "phase").string_or(""); }

// "Reason: message", or as much of it as there is.
std::string explained(const Value& state) {
    const std::string reason = state["reason"].string_or("");
    const std::string message = state["message"].string_or("");
    return reason + (reason.empty() || message.empty() ? "" : ": ") + message;
}

template <typename See>
void for_each_container(const Value& pod, See see) {
    for (const std::string_view list : {"initContainerStatuses", "containerStatuses"}) {
        for (const Value& container : pod.get("status", list).list_or_empty())
            see(container["name"].string_or(""), container["state"]);
    }
}

// The condition of that type, nil where it is not as asked for.
const Value& condition(const Value& pod, std::string_view type, std::string_view status) {
    static const Value none;
    for (const Value& one : pod.get("status", "conditions").list_or_empty()) {
        if (one["type"].string_or("") == type && one["status"].string_or("") == status) return one;
    }
    return none;
}

void append(std::string& text, const std::string& more) {
    if (!more.empty()) text += (text.empty() ? "" : "; ") + more;
}

}  // namespace

bool is_pending(const Value& pod) { return phase_of(pod) == "Pending" || phase_of(pod).empty(); }
bool has_failed(const Value& pod) { return phase_of(pod) == "Failed"; }
bool has_ended(const Value& pod) { return phase_of(pod) == "Succeeded" || has_failed(pod); }

std::string waiting_reason(const Value& pod) {
    std::string text = explained(condition(pod, "PodScheduled", "False"));
    for_each_container(pod, [&](const std::string& name, const Value& state) {
        if (const std::string why = explained(state["waiting"]); !why.empty())
            append(text, "container '" + name + "': " + why);
    });
    return text;
}

std::string disruption_reason(const Value& pod) {
    return explained(condition(pod, "DisruptionTarget", "True"));
}

std::string failure_reason(const Value& pod) {
    std::string text = explained(pod["status"]);  // Evicted, and what the node was low on
    if (text.empty()) text = disruption_reason(pod);
    for_each_container(pod, [&](const std::string& name, const Value& state) {
        const Value& ended = state["terminated"];
        if (!ended.is_map() || ended["exitCode"].int_or(0) == 0) return;
        std::string line =
            "container '" + name + "' ended with exit code " + std::to_string(ended["exitCode"].int_or(0));
        std::string why = ended["reason"].string_or("");
        if (why == "Error") why.clear();  // which is what the kubelet calls any of them
        if (const std::string message = ended["message"].string_or(""); !message.empty())
            why += (why.empty() ? "" : ": ") + message;
        append(text, why.empty() ? line : line + " (" + why + ")");
    });
    return text.empty() ? "it failed without a reason" : text;
}

std::string PendingPod::hopeless_reason(const Value& pod) {
    const std::string reason = pod.get("status", "reason").string_or("");
    if (reason == "OutOfmemory" || reason == "OutOfcpu") return explained(pod["status"]);
    std::string hopeless;
    for_each_container(pod, [&](const std::string& name, const Value& state) {
        const std::string why = state.get("waiting", "reason").string_or("");
        if (why == "ImagePullBackOff") backed_off_.insert(name);
        const bool is_second_failure = why == "ErrImagePull" && backed_off_.count(name) != 0;
        if (is_second_failure || why == "CreateContainerConfigError" || why == "InvalidImageName" ||
            why == "ErrImageNeverPull") {
            append(hopeless, "container '" + name + "': " + explained(state["waiting"]));
        }
    });
    return hopeless;
}

}  // namespace fencepost::functions
