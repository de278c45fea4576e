#include "cluster/local/pods/pod_status.h"

#include <algorithm>

#include "base/encodings.h"

namespace fencepost::cluster::local {
namespace {

std::string time_text(std::int64_t nanoseconds) {
    return format_rfc3339(
        SystemTime(std::chrono::duration_cast<SystemTime::duration>(std::chrono::nanoseconds(nanoseconds))));
}

Value terminated(const supervisor::ExitRecord& exit) {
    Value state;
    state["exitCode"] = exit.code;
    state["reason"] = exit.reason;
    if (exit.signal != 0) state["signal"] = exit.signal;
    if (!exit.message.empty()) state["message"] = exit.message;
    state["startedAt"] = time_text(exit.started);
    state["finishedAt"] = time_text(exit.finished);
    return Value(Map{{"terminated", state}});
}

Value container_status(const ContainerView& view) {
    Value status;
    status["name"] = view.name;
    status["image"] = view.image;
    status["imageID"] = "host";
    status["restartCount"] = std::max(view.run, 0);
    status["ready"] = view.is_ready;
    status["started"] = view.is_running;
    status["lastState"] = Value(Map{});
    if (view.run >= 0) status["containerID"] = "fencepost://" + view.name + "-" + std::to_string(view.run);
    if (view.waiting) {
        Value& waiting = status["state"]["waiting"];
        waiting["reason"] = view.waiting->reason;
        if (!view.waiting->message.empty()) waiting["message"] = view.waiting->message;
        if (view.exit) status["lastState"] = terminated(*view.exit);
        return status;
    }
    if (view.previous_exit) status["lastState"] = terminated(*view.previous_exit);
    if (view.is_running) {
        status["state"]["running"]["startedAt"] = format_rfc3339(view.started);
    } else if (view.exit) {
        status["state"] = terminated(*view.exit);
    } else {
        status["state"]["waiting"]["reason"] = "ContainerCreating";
    }
    return status;
}

struct Condition {
    std::string_view type;
    bool is_true;
    std::string reason;
    std::string message;
};

Value condition_value(const Condition& condition, const Value& previous, SystemTime now) {
    Value value;
    value["type"] = condition.type;
    value["status"] = condition.is_true ? "True" : "False";
    if (!condition.reason.empty()) value["reason"] = condition.reason;
    if (!condition.message.empty()) value["message"] = condition.message;
    value["lastTransitionTime"] = format_rfc3339(now);
    value["lastProbeTime"] = nullptr;
    for (const Value& old : previous["conditions"].list_or_empty()) {
        if (old["type"].string_or("") == condition.type && old["status"] == value["status"]) {
            value["lastTransitionTime"] = old["lastTransitionTime"];
        }
    }
    return value;
}

std::string unready_names(const std::vector<ContainerView>& containers) {
    std::string names;
    for (const ContainerView& view : containers) {
        if (!view.is_ready) names += (names.empty() ? "" : " ") + view.name;
    }
    return names;
}

}  // namespace

Value pod_status(const PodView& view, const Value& previous, SystemTime now) {
    Value status;
    status["phase"] = view.phase;
    if (!view.reason.empty()) status["reason"] = view.reason;
    if (!view.message.empty()) status["message"] = view.message;
    status["qosClass"] = "BestEffort";
    if (view.started) {
        status["startTime"] = format_rfc3339(*view.started);
        status["hostIP"] = "127.0.0.1";
        status["podIP"] = "127.0.0.1";
        status["podIPs"].push_back(Value(Map{{"ip", "127.0.0.1"}}));
    }
    const bool is_over = view.phase == "Succeeded" || view.phase == "Failed";
    const bool is_initialized =
        std::all_of(view.init_containers.begin(), view.init_containers.end(),
                    [](const auto& init) { return init.exit && init.exit->code == 0 && !init.waiting; });
    const std::string unready = unready_names(view.containers);
    Condition initialized{"Initialized", is_initialized, "", ""};
    if (!is_initialized) initialized.reason = "ContainersNotInitialized";
    Condition containers_ready{"ContainersReady", unready.empty() && !is_over, "", ""};
    if (is_over) {
        containers_ready.reason = view.phase == "Succeeded" ? "PodCompleted" : "PodFailed";
    } else if (!unready.empty()) {
        containers_ready.reason = "ContainersNotReady";
        containers_ready.message = "containers with unready status: [" + unready + "]";
    }
    Condition ready = containers_ready;
    ready.type = "Ready";
    Condition scheduled{"PodScheduled", !view.unscheduled, "", ""};
    if (view.unscheduled) {
        scheduled.reason = "Unschedulable";
        scheduled.message = *view.unscheduled;
    }
    for (const Condition& condition : {initialized, ready, containers_ready, scheduled}) {
        status["conditions"].push_back(condition_value(condition, previous, now));
    }
    for (const ContainerView& init : view.init_containers)
        status["initContainerStatuses"].push_back(container_status(init));
    for (const ContainerView& container : view.containers)
        status["containerStatuses"].push_back(container_status(container));
    // An init container that ended well is "ready" in Kubernetes' eyes.
    if (!view.init_containers.empty()) {
        for (Value& init : status["initContainerStatuses"].writable_list()) {
            init["ready"] = init.get("state", "terminated", "exitCode").int_or(1) == 0;
        }
    }
    return status;
}

Value status_patch(const Value& from, const Value& to) {
    Map changes;
    for (const Member& member : to.map_or_empty()) {
        if (from[member.key] == member.value) continue;
        changes.set(member.key, member.value);
    }
    for (const std::string_view key : {"reason", "message"}) {
        if (!from[key].is_nil() && to[key].is_nil()) changes.set(key, nullptr);
    }
    return changes.empty() ? Value() : Value(std::move(changes));
}

}  // namespace fencepost::cluster::local
