#include "cluster/local/pods/pod_runtime.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <map>
#include <set>

#include "base/encodings.h"
#include "base/error.h"
#include "base/files.h"
#include "base/guarded.h"
#include "base/task_group.h"
#include "cluster/local/pods/container_choice.h"
#include "cluster/local/pods/guards.h"
#include "cluster/local/pods/log_reader.h"
#include "cluster/local/pods/pod_queue.h"
#include "cluster/local/pods/processes.h"
#include "cluster/local/pods/volume_controller.h"

namespace fencepost::cluster::local {
namespace {

namespace fs = std::filesystem;

constexpr int kWorkers = 4;  // so many Pods are being started at once
constexpr std::chrono::seconds kRetryPause{1};

// A folder of this data_dir's own in memory, closed to others; "" where there is no memory file system to
// write to.
fs::path make_memory_root(const fs::path& data_dir) {
    std::error_code failed;
    const fs::path shared = "/dev/shm";
    if (::access(shared.c_str(), W_OK) != 0) return {};
    const std::string id = sha256_hex(fs::absolute(data_dir).string()).substr(0, 12);
    const fs::path root = shared / ("fencepost-" + std::to_string(::geteuid()) + "-" + id);
    if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) return {};
    struct stat status{};
    const bool is_ours =
        ::lstat(root.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == ::geteuid();
    return is_ours && (status.st_mode & 077U) == 0 ? root : fs::path();
}

// Tells a Pod that one of its supervisors has ended.
class ExitWatch {
  public:
    explicit ExitWatch(PodQueue& queue)
        : queue_(queue), epoll_(::epoll_create1(EPOLL_CLOEXEC)), stop_(::eventfd(0, EFD_CLOEXEC)) {
        if (!epoll_.is_open() || !stop_.is_open()) throw errno_error("epoll_create1", errno);
        add(stop_.get(), EPOLLIN);
    }
    void watch(int pidfd, const std::string& uid) {
        (*owners_.lock())[pidfd] = uid;
        add(pidfd, EPOLLIN | EPOLLONESHOT);
    }
    void unwatch(int pidfd) {
        auto owners = owners_.lock();
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, pidfd, nullptr);
        owners->erase(pidfd);
    }
    void run() {
        for (;;) {
            std::array<epoll_event, 64> events{};
            const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < count; ++i) {
                if (events[static_cast<std::size_t>(i)].data.fd == stop_.get()) return;
                std::string uid;
                {
                    auto owners = owners_.lock();
                    const auto found = owners->find(events[static_cast<std::size_t>(i)].data.fd);
                    if (found != owners->end()) uid = found->second;
                }
                if (!uid.empty()) queue_.wake(uid);
            }
        }
    }
    void stop() { ::eventfd_write(stop_.get(), 1); }

  private:
    void add(int fd, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.fd = fd;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) throw errno_error("epoll_ctl", errno);
    }
    PodQueue& queue_;
    UniqueFd epoll_, stop_;
    Guarded<std::map<int, std::string>> owners_;
};

class PodRuntime final : public PodBackend {
  public:
    PodRuntime(Cluster& objects, const LocalOptions& options, Clock& clock, Log& log)
        : options_(options),
          clock_(clock),
          log_(log),
          objects_(objects),
          exits_(queue_),
          around_{.cluster = objects,
                  .options = options_,
                  .clock = clock,
                  .memory_root = make_memory_root(options.data_dir),
                  .watch = [this](int fd, const std::string& uid) { exits_.watch(fd, uid); },
                  .unwatch = [this](int fd) { exits_.unwatch(fd); },
                  .spawn = [this](std::function<void()> probe) { probes_.spawn(std::move(probe)); },
                  .wake = [this](const std::string& uid) { queue_.wake(uid); },
                  .cancel = stop_.token()},
          volumes_(objects, options_, clock, log),
          guards_(options_.data_dir / kGuardsFolder, around_.supervisor_program()) {
        fs::create_directories(options_.data_dir / "pods");
        fs::permissions(options_.data_dir / "pods", fs::perms::owner_all);
        threads_.spawn([this] { exits_.run(); });
        threads_.spawn([this] { follow_pods(); });
        for (int i = 0; i < kWorkers; ++i) threads_.spawn([this] { work(); });
    }

    ~PodRuntime() override {
        stop_.cancel(CancelReason::kShutdown);
        queue_.stop();
        exits_.stop();
        threads_.join();
        probes_.join();
        queue_.clear();
    }

    ExecResult exec(const Value& pod, const ExecOptions& options, const CancelToken& cancel) override;
    void post_guard(const Value& pod, const Guard& guard) override;
    void relieve_guard(std::string_view id, const std::function<void()>& undo,
                       const CancelToken& cancel) override {
        guards_.relieve(id, undo, cancel);
    }
    void logs(const Value& pod, const LogOptions& options, const std::function<void(std::string_view)>& sink,
              const CancelToken& cancel) override;

  private:
    // A container that runs: where it lies, and which of its runs it is. Throws kNotFound.
    struct Running {
        ContainerFolder folder;
        int run;
        supervisor::LaunchSpec spec;
    };
    [[nodiscard]] Running find_running(const Value& pod, const std::string& container,
                                       const std::string& uid) const;
    void follow_pods();
    void list_and_watch();
    void work();
    [[nodiscard]] ContainerFolder folder_of(const Value& pod, const std::string& container) const {
        return ContainerFolder(around_.pod_folder(uid_of(pod)) / container);
    }

    const LocalOptions options_;
    Clock& clock_;
    Log& log_;
    Cluster& objects_;
    CancelSource stop_;
    PodQueue queue_;
    ExitWatch exits_;
    TaskGroup probes_;
    TaskGroup threads_;
    PodSurroundings around_;
    VolumeController volumes_;
    Guards guards_;
};

// A reconnect loop: it logs what went wrong and goes on.
void PodRuntime::follow_pods() {
    while (!stop_.token().is_cancelled()) {
        try {
            list_and_watch();
        } catch (const Cancelled&) {
            return;
        } catch (const Error& e) {
            if (e.kind() != ErrorKind::kGone) log_.error("the watch of pods broke", {{"error", e.what()}});
            if (!stop_.token().wait_for(kRetryPause)) return;
        }
    }
}

void PodRuntime::list_and_watch() {
    const ObjectList pods = objects_.list(types::kPods);
    std::set<std::string> present;
    for (const Value& pod : pods.items) {
        present.insert(uid_of(pod));
        queue_.put(uid_of(pod), pod);
    }
    for (const std::string& uid : queue_.uids()) {
        if (!present.contains(uid)) queue_.put(uid, std::nullopt);
    }
    // What an earlier daemon left of Pods that are gone.
    for (const auto& entry : fs::directory_iterator(options_.data_dir / "pods")) {
        const std::string uid = entry.path().filename().string();
        if (!present.contains(uid)) queue_.put(uid, std::nullopt);
    }
    const auto watch = objects_.watch(types::kPods, {.resource_version = pods.resource_version});
    for (;;) {
        const auto event = watch->next(stop_.token());
        if (!event || event->type == WatchEvent::Type::kBookmark) continue;
        const bool is_gone = event->type == WatchEvent::Type::kDeleted;
        queue_.put(uid_of(event->object), is_gone ? std::nullopt : std::optional(event->object));
    }
}

void PodRuntime::work() {
    const auto make = [this](const std::string& uid) { return std::make_unique<PodWorker>(around_, uid); };
    while (auto taken = queue_.take(make)) {
        PodWorker::Next next;
        try {
            next = taken->worker->reconcile(taken->pod);
        } catch (const Cancelled&) {
            return;
        } catch (const std::exception& e) {
            const std::string pod =
                taken->pod ? namespace_of(*taken->pod) + "/" + name_of(*taken->pod) : taken->uid;
            log_.error("cannot take a pod further, trying again", {{"pod", pod}, {"error", e.what()}});
            next.look_again = clock_.steady_now() + kRetryPause;
        }
        queue_.done(taken->uid, next);
    }
}

PodRuntime::Running PodRuntime::find_running(const Value& pod, const std::string& container,
                                             const std::string& uid) const {
    if (!uid.empty() && uid != uid_of(pod)) {
        throw Error(ErrorKind::kNotFound, "pod \"" + name_of(pod) + "\" is another one now (uid " +
                                              uid_of(pod) + ", wanted " + uid + ")");
    }
    const std::string name = choose_container(pod, container, false);
    const std::string phase = pod.get("status", "phase").string_or("");
    if (phase == "Succeeded" || phase == "Failed") {
        throw Error(ErrorKind::kFailedPrecondition,
                    "cannot exec into a container in a completed pod; current phase is " + phase);
    }
    const ContainerFolder folder = folder_of(pod, name);
    const auto run = folder.latest_run();
    auto spec =
        run && folder.state(*run) == ContainerFolder::State::kRunning ? folder.spec(*run) : std::nullopt;
    if (!spec) throw Error(ErrorKind::kNotFound, "container not found (\"" + name + "\")");
    return {folder, *run, std::move(*spec)};
}

ExecResult PodRuntime::exec(const Value& pod, const ExecOptions& options, const CancelToken& cancel) {
    if (options.command.empty())
        throw Error(ErrorKind::kInvalid, "you must specify at least one command for the container");
    Running found = find_running(pod, options.container, options.pod_uid);
    found.spec.command = options.command;
    UniqueFd container = found.folder.open_supervisor(found.run);
    if (!container.is_open())
        throw Error(ErrorKind::kNotFound, "the container of pod \"" + name_of(pod) + "\" has just ended");
    return run_attached(around_.supervisor_program(), found.spec, options, std::move(container), cancel);
}

void PodRuntime::post_guard(const Value& pod, const Guard& guard) {
    Running found = find_running(pod, guard.container, guard.pod_uid);
    guards_.post(guard, found.folder, found.run, std::move(found.spec));
}

void PodRuntime::logs(const Value& pod, const LogOptions& options,
                      const std::function<void(std::string_view)>& sink, const CancelToken& cancel) {
    const std::string name = choose_container(pod, options.container, true);
    const ContainerFolder folder = folder_of(pod, name);
    const auto latest = folder.latest_run();
    if (!latest) {
        throw Error(ErrorKind::kFailedPrecondition, "container \"" + name + "\" in pod \"" + name_of(pod) +
                                                        "\" is waiting to start: ContainerCreating");
    }
    const int run = *latest - (options.previous ? 1 : 0);
    if (run < 0) {
        throw Error(ErrorKind::kInvalid, "previous terminated container \"" + name + "\" in pod \"" +
                                             name_of(pod) + "\" not found");
    }
    const auto is_over = [&] {
        const ContainerFolder::State state = folder.state(run);
        std::error_code ignored;  // with the Pod its folder goes
        return state == ContainerFolder::State::kEnded || state == ContainerFolder::State::kLost ||
               !std::filesystem::exists(folder.path(), ignored);
    };
    read_container_log(folder.log_path(run), options, sink, is_over, cancel);
}

}  // namespace

std::unique_ptr<PodBackend> make_pod_runtime(Cluster& objects, const LocalOptions& options, Clock& clock,
                                             Log& log) {
    return std::make_unique<PodRuntime>(objects, options, clock, log);
}

}  // namespace fencepost::cluster::local
