// One Pod's life: reconcile() looks at its object and at what its containers left on disk, does what is to be
// done next (mounts, init containers in order, containers, restarts, the end), writes the status, and says
// when to look again. It never waits for a process: the ends of supervisors, timers and probes lead to the
// next reconcile().
//
// Thread safety: one thread at a time. Errors: of the cluster and the disk; call again later.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/files.h"
#include "cluster/cluster.h"
#include "cluster/local/local_cluster.h"
#include "cluster/local/pods/container_folder.h"
#include "cluster/local/pods/container_plan.h"
#include "cluster/local/pods/pod_status.h"
#include "cluster/local/pods/pod_volumes.h"
#include "cluster/local/pods/readiness.h"

namespace fencepost::cluster::local {

// What a worker needs from the runtime.
struct PodSurroundings {
    Cluster& cluster;
    const LocalOptions& options;
    Clock& clock;
    std::filesystem::path memory_root;  // "" where the host has no memory file system
    std::function<void(int pidfd, const std::string& uid)> watch;
    std::function<void(int pidfd)> unwatch;
    std::function<void(std::function<void()> probe)> spawn;
    std::function<void(const std::string& uid)> wake;
    CancelToken cancel;

    [[nodiscard]] std::filesystem::path pod_folder(const std::string& uid) const {
        return options.data_dir / "pods" / uid;
    }
    [[nodiscard]] std::filesystem::path supervisor_program() const {
        return options.program_dir / "fencepost-supervisor";
    }
    [[nodiscard]] VolumeRoots volume_roots(const std::string& uid) const {
        return {pod_folder(uid), memory_root.empty() ? memory_root : memory_root / uid,
                options.data_dir / "volumes"};
    }
};

class PodWorker {
  public:
    struct Next {
        bool is_finished = false;  // nothing of the Pod is left
        SteadyTime look_again = SteadyTime::max();
    };

    PodWorker(const PodSurroundings& around, std::string uid);
    PodWorker(const PodWorker&) = delete;
    PodWorker& operator=(const PodWorker&) = delete;
    ~PodWorker();
    [[nodiscard]] Next reconcile(const std::optional<Value>& pod);  // nullopt: the object is gone

  private:
    enum class ProbeState { kIdle, kRunning, kPassed, kFailed };
    struct Container {
        Value spec;
        ContainerFolder folder;
        ContainerView view;
        UniqueFd supervisor;
        SteadyTime next_start{};
        std::chrono::seconds backoff{0};
        std::optional<SteadyTime> stop_until;  // told to end by then
        std::optional<SteadyTime> begun_at;
        SteadyTime next_probe{};
        int passed = 0, failed = 0;
        std::shared_ptr<std::atomic<ProbeState>> probe =
            std::make_shared<std::atomic<ProbeState>>(ProbeState::kIdle);
    };
    struct Failure {
        std::string reason;
        std::string message;
    };

    void adopt();
    void observe(Container& container);
    void ended(Container& container);
    void release(Container& container);
    bool advance_init();
    void advance(Container& container);
    void advance_all();
    void check_deadline();
    void start(Container& container);
    void begin(Container& container, int run);
    void wait_for(Container& container, const NotReady& why, std::chrono::milliseconds pause);
    void probe(Container& container);
    void stop_all(std::chrono::seconds grace);
    void conclude();
    void publish();
    void terminate();
    void end_orphans();
    [[nodiscard]] bool should_restart(const Container& container) const;
    [[nodiscard]] bool is_any_running() const;
    [[nodiscard]] bool is_over() const { return view_.phase == "Succeeded" || view_.phase == "Failed"; }
    [[nodiscard]] PlanInputs plan_inputs();
    void look_again(SteadyTime at) { next_.look_again = std::min(next_.look_again, at); }

    const PodSurroundings& around_;
    const std::string uid_;
    Value pod_;
    PodView view_;
    std::vector<Container> init_containers_;
    std::vector<Container> containers_;
    std::optional<Failure> failure_;
    std::vector<UniqueFd> orphans_;
    bool is_adopted_ = false;
    bool is_published_ = true;
    bool were_orphans_told_ = false;
    Next next_;
    SteadyTime now_{};
};

}  // namespace fencepost::cluster::local
