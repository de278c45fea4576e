#include "cluster/local/pods/pod_worker.h"

#include <poll.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/encodings.h"
#include "base/error.h"
#include "cluster/local/pods/processes.h"

namespace fencepost::cluster::local {
namespace {

constexpr std::chrono::milliseconds kSoon{20};
constexpr std::chrono::milliseconds kMissingPause{500};  // before looking again for a Secret or a claim
constexpr std::chrono::seconds kFirstBackoff{1};
constexpr std::chrono::seconds kLongestBackoff{300};
constexpr std::chrono::seconds kBackoffForgotten{600};  // after a run of that length
constexpr std::chrono::seconds kOrphanGrace{2};

std::optional<User> host_user(std::uint32_t uid) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> buffer;
    if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
        return std::nullopt;
    return User{entry.pw_gid, entry.pw_dir};
}

}  // namespace

PodWorker::PodWorker(const PodSurroundings& around, std::string uid)
    : around_(around), uid_(std::move(uid)) {}

PodWorker::~PodWorker() {
    for (auto* list : {&init_containers_, &containers_}) {
        for (Container& container : *list) release(container);
    }
    for (const UniqueFd& orphan : orphans_) around_.unwatch(orphan.get());
}

PodWorker::Next PodWorker::reconcile(const std::optional<Value>& pod) {
    next_ = {};
    now_ = around_.clock.steady_now();
    if (!pod) {
        end_orphans();
        return next_;
    }
    pod_ = *pod;
    if (!is_adopted_) adopt();
    for (auto* list : {&init_containers_, &containers_}) {
        for (Container& container : *list) observe(container);
    }
    if (!pod_.get("metadata", "deletionTimestamp").is_nil()) {
        terminate();
        return next_;
    }
    if (is_over()) {
        if (!is_published_) publish();
        return next_;
    }
    check_deadline();
    if (!failure_) advance_all();
    if (failure_)
        stop_all(std::chrono::seconds(pod_.get("spec", "terminationGracePeriodSeconds").int_or(30)));
    conclude();
    publish();
    return next_;
}

void PodWorker::adopt() {
    const Value& status = pod_["status"];
    view_.phase = status["phase"].string_or("Pending");
    if (view_.phase.empty()) view_.phase = "Pending";
    view_.reason = status["reason"].string_or("");
    view_.message = status["message"].string_or("");
    if (status["startTime"].is_string()) view_.started = parse_rfc3339(status["startTime"].as_string());
    const auto fill = [&](std::string_view key, std::string_view statuses,
                          std::vector<Container>& containers) {
        for (const Value& spec : pod_["spec"][key].list_or_empty()) {
            const std::string name = spec["name"].string_or("");
            Container container{.spec = spec, .folder = ContainerFolder(around_.pod_folder(uid_) / name)};
            container.view.name = name;
            container.view.image = spec["image"].string_or("");
            container.view.run = container.folder.latest_run().value_or(-1);
            container.view.previous_exit = container.folder.exit_record(container.view.run - 1);
            // What was ready stays so until a probe says otherwise: a restart of the daemon is not news.
            for (const Value& old : status[statuses].list_or_empty()) {
                if (old["name"].string_or("") == name) container.view.is_ready = old["ready"].bool_or(false);
            }
            containers.push_back(std::move(container));
        }
    };
    fill("initContainers", "initContainerStatuses", init_containers_);
    fill("containers", "containerStatuses", containers_);
    is_adopted_ = true;
}

void PodWorker::observe(Container& container) {
    ContainerView& view = container.view;
    if (view.run < 0 || (view.exit && !view.is_running)) return;
    switch (container.folder.state(view.run)) {
        case ContainerFolder::State::kPlanned:
            return;  // start() takes it up
        case ContainerFolder::State::kLost:
            view.exit = container.folder.end_lost(view.run, around_.clock.now());
            ended(container);
            return;
        case ContainerFolder::State::kEnded:
            view.exit = container.folder.exit_record(view.run);
            ended(container);
            return;
        case ContainerFolder::State::kRunning:
            break;
    }
    view.is_running = true;
    view.waiting.reset();
    view.started = container.folder.started_at(view.run).value_or(around_.clock.now());
    if (!container.begun_at) container.begun_at = now_;
    if (container.spec["readinessProbe"].is_nil()) view.is_ready = true;
    if (!container.supervisor.is_open()) {
        container.supervisor = container.folder.open_supervisor(view.run);
        if (container.supervisor.is_open()) {
            around_.watch(container.supervisor.get(), uid_);
        } else {
            look_again(now_ + kSoon);
        }
    } else if (pollfd ended{container.supervisor.get(), POLLIN, 0}; ::poll(&ended, 1, 0) == 1) {
        // It has ended, and its news has come and gone: a child that it was just starting holds its lock for
        // a moment.
        look_again(now_ + kSoon);
    }
    probe(container);
}

void PodWorker::release(Container& container) {
    if (container.supervisor.is_open()) around_.unwatch(container.supervisor.get());
    container.supervisor.reset();
}

void PodWorker::ended(Container& container) {
    release(container);
    container.view.is_running = false;
    container.view.is_ready = false;
    container.stop_until.reset();
    const bool was_long = container.begun_at && now_ - *container.begun_at > kBackoffForgotten;
    if (was_long) container.backoff = std::chrono::seconds(0);
    container.next_start = now_ + container.backoff;
    container.backoff = std::clamp(container.backoff * 2, kFirstBackoff, kLongestBackoff);
    container.begun_at.reset();
    container.passed = container.failed = 0;
}

bool PodWorker::should_restart(const Container& container) const {
    const std::string policy = pod_.get("spec", "restartPolicy").string_or("Always");
    return policy == "Always" || (policy == "OnFailure" && container.view.exit->code != 0);
}

bool PodWorker::is_any_running() const {
    const auto is_running = [](const Container& container) { return container.view.is_running; };
    return std::any_of(init_containers_.begin(), init_containers_.end(), is_running) ||
           std::any_of(containers_.begin(), containers_.end(), is_running);
}

void PodWorker::check_deadline() {
    const std::int64_t seconds = pod_.get("spec", "activeDeadlineSeconds").int_or(0);
    if (seconds <= 0 || !view_.started) return;
    const auto left = *view_.started + std::chrono::seconds(seconds) - around_.clock.now();
    if (left.count() <= 0) {
        failure_ = {"DeadlineExceeded", "Pod was active on the node longer than the specified deadline"};
    } else {
        look_again(now_ + left);
    }
}

void PodWorker::advance_all() {
    if (!view_.started) view_.started = around_.clock.now();
    view_.unscheduled.reset();
    if (!advance_init()) return;
    for (Container& container : containers_) {
        if (!failure_) advance(container);
    }
}

// True when every init container has ended well.
bool PodWorker::advance_init() {
    for (Container& container : init_containers_) {
        if (container.spec["restartPolicy"].string_or("") == "Always") {
            failure_ = {
                "Unsupported",
                "init container \"" + container.view.name +
                    "\" is a sidecar (restartPolicy Always), which the embedded cluster does not have"};
            return false;
        }
        if (container.view.exit && container.view.exit->code == 0) continue;
        const bool is_never = pod_.get("spec", "restartPolicy").string_or("Always") == "Never";
        if (container.view.exit && is_never) {
            failure_ = {"", ""};
            return false;
        }
        if (!container.view.is_running) start(container);
        for (Container& later : containers_) later.view.waiting = NotReady{"PodInitializing", ""};
        return false;
    }
    return true;
}

void PodWorker::advance(Container& container) {
    if (container.view.is_running) return;
    if (container.view.exit && !should_restart(container)) return;
    start(container);
}

void PodWorker::wait_for(Container& container, const NotReady& why, std::chrono::milliseconds pause) {
    container.view.waiting = why;
    look_again(now_ + pause);
}

void PodWorker::start(Container& container) {
    ContainerView& view = container.view;
    if (view.exit && now_ < container.next_start) {
        const auto seconds = std::chrono::ceil<std::chrono::seconds>(container.next_start - now_).count();
        view.waiting = NotReady{"CrashLoopBackOff", "back-off " + std::to_string(seconds) +
                                                        "s restarting failed container=" + view.name +
                                                        " pod=" + name_of(pod_) + "_" + namespace_of(pod_)};
        look_again(container.next_start);
        return;
    }
    try {
        const bool is_planned = view.run >= 0 && !view.exit;
        begin(container, is_planned ? view.run : view.run + 1);
    } catch (const NotReady& why) {
        if (why.reason == "Unschedulable") {
            view_.unscheduled = why.message;
            wait_for(container, {"ContainerCreating", why.message}, kMissingPause);
        } else {
            wait_for(container, why, kMissingPause);
        }
    } catch (const Error& e) {
        const bool is_final = e.kind() == ErrorKind::kUnsupported || e.kind() == ErrorKind::kInvalid;
        const std::string text = e.what() + (e.hint().empty() ? "" : "; " + e.hint());
        if (is_final) {
            view.waiting = NotReady{"CreateContainerConfigError", text};
            failure_ = {e.kind() == ErrorKind::kUnsupported ? "Unsupported" : "InvalidSpec", text};
        } else {
            wait_for(container, {"CreateContainerError", text}, kFirstBackoff);
        }
    } catch (const std::filesystem::filesystem_error& e) {
        wait_for(container, {"CreateContainerError", e.what()}, kFirstBackoff);
    }
}

PlanInputs PodWorker::plan_inputs() {
    const auto lookup = [this](const ResourceType& type) {
        return [this, &type](std::string_view name) -> std::optional<Value> {
            try {
                return around_.cluster.get({type, namespace_of(pod_), std::string(name)});
            } catch (const Error& e) {
                if (e.kind() == ErrorKind::kNotFound) return std::nullopt;
                throw;
            }
        };
    };
    PlanInputs inputs;
    inputs.secret = lookup(types::kSecrets);
    inputs.config_map = lookup(types::kConfigMaps);
    inputs.user = host_user;
    inputs.program_dir = around_.options.program_dir;
    inputs.host = real_host();
    inputs.daemon_uid = ::geteuid();
    inputs.volumes = prepare_volumes(around_.cluster, pod_, around_.volume_roots(uid_));
    const auto& access = around_.options.api_access;
    if (access && pod_.get("spec", "automountServiceAccountToken").bool_or(true)) {
        inputs.api_access = prepare_api_access(pod_, *access, around_.volume_roots(uid_));
        inputs.variables = access->variables();
    }
    return inputs;
}

void PodWorker::begin(Container& container, int run) {
    ContainerView& view = container.view;
    if (container.folder.latest_run().value_or(-1) < run) {
        const supervisor::LaunchSpec spec = plan_container(pod_, container.spec, plan_inputs());
        container.folder.begin(run, spec);
    }
    if (view.exit) view.previous_exit = view.exit;
    view.exit.reset();
    view.run = run;
    if (!start_supervisor(around_.supervisor_program(), container.folder.path(), run))
        look_again(now_ + kSoon);
    view.waiting.reset();
    observe(container);
}

void PodWorker::probe(Container& container) {
    const Value& probe = container.spec["readinessProbe"];
    if (probe.is_nil()) return;
    const ProbeTiming timing = probe_timing(probe);
    const ProbeState state = container.probe->load();
    if (state == ProbeState::kRunning) return;
    if (state != ProbeState::kIdle) {
        container.probe->store(ProbeState::kIdle);
        container.passed = state == ProbeState::kPassed ? container.passed + 1 : 0;
        container.failed = state == ProbeState::kFailed ? container.failed + 1 : 0;
        if (container.passed >= timing.success_threshold) container.view.is_ready = true;
        if (container.failed >= timing.failure_threshold) container.view.is_ready = false;
        // What is not ready yet is asked more often: a start should be seen when it happens.
        const std::chrono::seconds eager{1};
        container.next_probe =
            now_ + (container.view.is_ready ? timing.period : std::min(timing.period, eager));
    } else if (container.next_probe < *container.begun_at + timing.initial_delay) {
        container.next_probe = *container.begun_at + timing.initial_delay;
    }
    if (now_ < container.next_probe) {
        look_again(container.next_probe);
        return;
    }
    container.probe->store(ProbeState::kRunning);
    around_.spawn([&around = around_, uid = uid_, flag = container.probe, spec = container.spec,
                   folder = container.folder, run = container.view.run, timing] {
        const auto in_container = [&](const std::vector<std::string>& command) {
            auto launch = folder.spec(run);
            if (!launch) return 1;
            launch->command = command;
            ExecOptions options;
            options.deadline = std::chrono::steady_clock::now() + timing.timeout;
            return run_attached(around.supervisor_program(), *launch, options, UniqueFd(), around.cancel)
                .exit_code;
        };
        bool has_passed = false;
        try {
            has_passed = run_probe(spec["readinessProbe"], spec, in_container);
        } catch (const Error&) {
            has_passed = false;  // a probe that times out or cannot run has failed: that is its answer
        } catch (const Cancelled&) {
            has_passed = false;
        }
        flag->store(has_passed ? ProbeState::kPassed : ProbeState::kFailed);
        around.wake(uid);
    });
}

void PodWorker::stop_all(std::chrono::seconds grace) {
    for (auto* list : {&init_containers_, &containers_}) {
        for (Container& container : *list) {
            if (!container.view.is_running) continue;
            const SteadyTime until = now_ + grace;
            if (container.stop_until && *container.stop_until <= until) continue;
            if (container.folder.stop(container.view.run, grace)) {
                container.stop_until = until;
            } else {
                look_again(now_ + kSoon);
            }
        }
    }
}

// The phase that follows from the containers.
void PodWorker::conclude() {
    if (failure_) {
        if (is_any_running()) return;
        view_.phase = "Failed";
        view_.reason = failure_->reason;
        view_.message = failure_->message;
        return;
    }
    bool is_begun = !containers_.empty(), is_all_over = !containers_.empty(), has_failed = false;
    for (const Container& container : containers_) {
        if (container.view.run < 0) is_begun = false;
        const bool container_is_over =
            container.view.exit && !container.view.is_running && !should_restart(container);
        if (!container_is_over) is_all_over = false;
        if (container_is_over && container.view.exit->code != 0) has_failed = true;
    }
    if (is_all_over) {
        view_.phase = has_failed ? "Failed" : "Succeeded";
    } else if (is_begun) {
        view_.phase = "Running";
    }
}

void PodWorker::publish() {
    view_.init_containers.clear();
    view_.containers.clear();
    for (const Container& container : init_containers_) view_.init_containers.push_back(container.view);
    for (const Container& container : containers_) view_.containers.push_back(container.view);
    Value patch = status_patch(pod_["status"], pod_status(view_, pod_["status"], around_.clock.now()));
    if (patch.is_nil()) return;
    Value change;
    change["metadata"]["uid"] = uid_;  // not of a later Pod of that name
    change["status"] = std::move(patch);
    is_published_ = false;  // where the store cannot be written, the end is told later
    try {
        pod_ = around_.cluster.patch({types::kPods, namespace_of(pod_), name_of(pod_)}, PatchType::kMerge,
                                     change, {.subresource = "status"});
    } catch (const Error& e) {
        // Deleted meanwhile, or another Pod has its name: the watch tells of it.
        if (e.kind() != ErrorKind::kNotFound && e.kind() != ErrorKind::kConflict) throw;
    }
    is_published_ = true;
}

void PodWorker::terminate() {
    const Value& stamp = pod_.get("metadata", "deletionTimestamp");
    std::chrono::seconds grace(pod_.get("metadata", "deletionGracePeriodSeconds").int_or(30));
    if (stamp.is_string()) {
        const auto left =
            std::chrono::ceil<std::chrono::seconds>(parse_rfc3339(stamp.as_string()) - around_.clock.now());
        grace = std::clamp(left, std::chrono::seconds(0), grace);
    }
    stop_all(grace);
    if (is_any_running()) {
        publish();
        return;
    }
    if (!is_over()) {
        for (Container& container : containers_) container.view.waiting.reset();
        const bool has_failed =
            std::any_of(containers_.begin(), containers_.end(), [](const Container& container) {
                return !container.view.exit || container.view.exit->code != 0;
            });
        view_.phase = has_failed ? "Failed" : "Succeeded";
        publish();
    }
    DeleteOptions now;
    now.grace_period = std::chrono::seconds(0);
    now.precondition_uid = uid_;
    try {
        around_.cluster.remove({types::kPods, namespace_of(pod_), name_of(pod_)}, now);
    } catch (const Error& e) {
        if (e.kind() != ErrorKind::kNotFound && e.kind() != ErrorKind::kConflict) throw;
    }
}

void PodWorker::end_orphans() {
    bool is_running = false;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(around_.pod_folder(uid_), none)) {
        const ContainerFolder folder(entry.path());
        const auto run = folder.latest_run();
        if (!run || folder.state(*run) != ContainerFolder::State::kRunning) continue;
        is_running = true;
        if (were_orphans_told_) continue;
        folder.stop(*run, kOrphanGrace);
        UniqueFd supervisor = folder.open_supervisor(*run);
        if (supervisor.is_open()) {
            around_.watch(supervisor.get(), uid_);
            orphans_.push_back(std::move(supervisor));
        }
    }
    were_orphans_told_ = is_running;
    if (is_running) {
        look_again(now_ + std::chrono::seconds(1));
        return;
    }
    remove_volumes(around_.volume_roots(uid_));
    next_.is_finished = true;
}

}  // namespace fencepost::cluster::local
