// What a Pod's status tells, on statuses as kubelet and scheduler write them.
#include "functions/pod_state.h"

#include <catch2/catch.hpp>

#include "value/yaml.h"

namespace fencepost::functions {

using Catch::Contains;

namespace {

Value pod(const std::string& status) { return parse_yaml_value("{status: " + status + "}"); }

Value waiting(const std::string& reason, const std::string& message = "why") {
    return pod("{phase: Pending, containerStatuses: [{name: main, state: {waiting: {reason: " + reason +
               ", message: '" + message + "'}}}]}");
}

}  // namespace

TEST_CASE("what is wrong with the Pod itself is hopeless at once") {
    for (const std::string reason : {"InvalidImageName", "CreateContainerConfigError", "ErrImageNeverPull"})
        CHECK(PendingPod().hopeless_reason(waiting(reason)) == "container 'main': " + reason + ": why");
    CHECK(PendingPod().hopeless_reason(pod("{phase: Pending, reason: OutOfcpu, message: full}")) ==
          "OutOfcpu: full");
    CHECK(PendingPod().hopeless_reason(waiting("ContainerCreating")).empty());
    CHECK(PendingPod().hopeless_reason(pod("{phase: Pending, initContainerStatuses: [{name: init, state: "
                                           "{waiting: {reason: InvalidImageName, message: why}}}]}")) ==
          "container 'init': InvalidImageName: why");
}

TEST_CASE("an image that cannot be pulled has the kubelet's first back-off, each container its own") {
    PendingPod pending;
    CHECK(pending.hopeless_reason(waiting("ErrImagePull")).empty());
    CHECK(pending.hopeless_reason(waiting("ErrImagePull")).empty());
    CHECK(pending.hopeless_reason(waiting("ImagePullBackOff")).empty());
    CHECK(pending
              .hopeless_reason(pod("{phase: Pending, containerStatuses: [{name: other, state: {waiting: "
                                   "{reason: ErrImagePull}}}]}"))
              .empty());
    CHECK(pending.hopeless_reason(waiting("ErrImagePull", "no such host")) ==
          "container 'main': ErrImagePull: no such host");
}

TEST_CASE("a Pod that waits is told with the scheduler's reason, or its containers'") {
    CHECK(waiting_reason(pod("{phase: Pending, conditions: [{type: PodScheduled, status: 'False', reason: "
                             "Unschedulable, message: '0/3 nodes are available'}]}")) ==
          "Unschedulable: 0/3 nodes are available");
    CHECK(waiting_reason(waiting("ContainerCreating", "")) == "container 'main': ContainerCreating");
    CHECK(
        waiting_reason(pod("{phase: Pending, conditions: [{type: PodScheduled, status: 'True', reason: x}]}"))
            .empty());
}

TEST_CASE("a Pod that has failed is told with what the kubelet says of it and of its containers") {
    CHECK(failure_reason(pod("{phase: Failed, reason: Evicted, message: 'The node was low on resource: "
                             "memory.'}")) == "Evicted: The node was low on resource: memory.");
    CHECK(failure_reason(pod("{phase: Failed, containerStatuses: [{name: main, state: {terminated: "
                             "{exitCode: 137, reason: OOMKilled}}}]}")) ==
          "container 'main' ended with exit code 137 (OOMKilled)");
    CHECK(failure_reason(pod("{phase: Failed, containerStatuses: [{name: main, state: {terminated: "
                             "{exitCode: 128, reason: StartError, message: no such file}}}, {name: other, "
                             "state: {terminated: {exitCode: 3, reason: Error}}}, {name: fine, state: "
                             "{terminated: {exitCode: 0, reason: Completed}}}]}")) ==
          "container 'main' ended with exit code 128 (StartError: no such file); container 'other' ended "
          "with exit code 3");
    const Value drained =
        pod("{phase: Failed, conditions: [{type: DisruptionTarget, status: 'True', reason: "
            "EvictionByEvictionAPI, message: 'Eviction API: evicting'}]}");
    CHECK(disruption_reason(drained) == "EvictionByEvictionAPI: Eviction API: evicting");
    CHECK(failure_reason(drained) == disruption_reason(drained));
    CHECK(failure_reason(pod("{phase: Failed}")) == "it failed without a reason");
}

}  // namespace fencepost::functions
