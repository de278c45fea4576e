// What the runtime knows of a Pod, as the status that the API shows. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "cluster/local/pods/container_plan.h"
#include "supervisor/launch_spec.h"
#include "value/value.h"

namespace fencepost::cluster::local {

struct ContainerView {
    std::string name;
    std::string image;
    int run = -1;  // -1: never begun
    bool is_running = false;
    bool is_ready = false;
    SystemTime started{};                                 // while running
    std::optional<supervisor::ExitRecord> exit;           // of this run
    std::optional<supervisor::ExitRecord> previous_exit;  // of the run before
    std::optional<NotReady> waiting;                      // beats exit: it waits for its next start
};

struct PodView {
    std::string phase = "Pending";
    std::string reason;
    std::string message;
    std::optional<SystemTime> started;
    std::optional<std::string> unscheduled;  // why it cannot be placed yet
    std::vector<ContainerView> init_containers;
    std::vector<ContainerView> containers;
};

// Transition times of conditions that did not change are taken from the status that was.
[[nodiscard]] Value pod_status(const PodView& view, const Value& previous, SystemTime now);
// The merge patch from one status to the other: what went away is null. nil where they are equal.
[[nodiscard]] Value status_patch(const Value& from, const Value& to);

}  // namespace fencepost::cluster::local
