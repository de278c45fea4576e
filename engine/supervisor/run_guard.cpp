#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>
#include <vector>

#include "supervisor/process.h"
#include "supervisor/run.h"

namespace fencepost::supervisor {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kUndoLimit = 300 * kSecond;  // for one command
constexpr std::int64_t kLongestPause = 60 * kSecond;

int open_timer(clockid_t clock, std::int64_t at) {
    const int fd = ::timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK);
    itimerspec when{};
    // Zero would mean never; a time that has passed means now.
    when.it_value.tv_sec = std::max<std::int64_t>(at, 1) / kSecond;
    when.it_value.tv_nsec = std::max<std::int64_t>(at, 1) % kSecond;
    if (fd < 0 || ::timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, nullptr) != 0) return -1;
    return fd;
}

std::int64_t monotonic_nanoseconds() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * kSecond + now.tv_nsec;
}

// Into the mounts that the container sees (and its user namespace, where an unprivileged daemon made one):
// also those whose folders on the host have been removed since are there.
bool join_mounts(pid_t container) {
    for (const char* kind : {"user", "mnt"}) {
        const std::string theirs = "/proc/" + std::to_string(container) + "/ns/" + kind;
        const std::string ours = std::string("/proc/self/ns/") + kind;
        struct stat a{}, b{};
        const int fd = ::open(theirs.c_str(), O_RDONLY | O_CLOEXEC);
        if (fd < 0 || ::fstat(fd, &a) != 0 || ::stat(ours.c_str(), &b) != 0) return false;
        const bool has_joined = a.st_ino == b.st_ino || ::setns(fd, 0) == 0;
        ::close(fd);
        if (!has_joined) return false;
    }
    return true;
}

class Guard {
  public:
    Guard(GuardSpec spec, std::vector<LaunchSpec> undo, int at_work)
        : spec_(std::move(spec)), undo_(std::move(undo)), at_work_(at_work) {}
    bool stand();  // false: the container is gone already
    void go();

  private:
    enum class News { kTime, kDismissed, kContainerEnded };
    News wait(std::int64_t until);  // monotonic; 0: until a deadline
    bool undo_all();
    bool undo(const LaunchSpec& command);

    GuardSpec spec_;
    std::vector<LaunchSpec> undo_;
    int at_work_ = -1;
    pid_t command_ = -1;  // the container's
    int signals_ = -1, container_ = -1, wall_ = -1, monotonic_ = -1;
    bool is_dismissed_ = false;
};

bool Guard::stand() {
    sigset_t handled;
    sigemptyset(&handled);
    for (const int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&handled, number);
    sigprocmask(SIG_BLOCK, &handled, nullptr);
    signals_ = ::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
    wall_ = open_timer(CLOCK_REALTIME, spec_.wall_deadline);
    monotonic_ = open_timer(CLOCK_MONOTONIC, spec_.monotonic_deadline);
    container_ = static_cast<int>(::syscall(SYS_pidfd_open, spec_.supervisor.pid, 0));
    // Looked at after it was opened: the pid is held now, so what matches stays the same process.
    if (signals_ < 0 || wall_ < 0 || monotonic_ < 0 || container_ < 0 ||
        start_ticks(static_cast<pid_t>(spec_.supervisor.pid)) != spec_.supervisor.ticks)
        return false;
    // A container that is just starting tells its command's pid in a moment.
    while ((command_ = static_cast<pid_t>(atol(read_whole(spec_.started).c_str()))) <= 0) {
        if (wait(monotonic_nanoseconds() + kSecond / 200) != News::kTime) return false;
    }
    return true;
}

Guard::News Guard::wait(std::int64_t until) {
    for (;;) {
        int timeout = -1;
        if (until != 0) {
            const std::int64_t left = until - monotonic_nanoseconds();
            if (left <= 0) return News::kTime;
            timeout = static_cast<int>(left / 1'000'000) + 1;
        }
        const int timer = until == 0 ? 0 : -1;
        std::array<pollfd, 4> waits{pollfd{signals_, POLLIN, 0}, pollfd{container_, POLLIN, 0},
                                    pollfd{timer == 0 ? wall_ : -1, POLLIN, 0},
                                    pollfd{timer == 0 ? monotonic_ : -1, POLLIN, 0}};
        if (::poll(waits.data(), waits.size(), timeout) < 0 && errno != EINTR) return News::kDismissed;
        signalfd_siginfo signal{};
        while (::read(signals_, &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
            if (signal.ssi_signo != SIGCHLD) is_dismissed_ = true;
        }
        if (is_dismissed_) return News::kDismissed;
        if (waits[1].revents != 0) return News::kContainerEnded;
        if (waits[2].revents != 0 || waits[3].revents != 0) return News::kTime;
    }
}

void Guard::go() {
    if (wait(0) != News::kTime) return;
    for (std::int64_t pause = kSecond;; pause = std::min(pause * 2, kLongestPause)) {
        // Whoever holds the lock for longer than an undo may take has lost his way.
        const std::int64_t patience = monotonic_nanoseconds() + kUndoLimit;
        while (::flock(at_work_, LOCK_EX | LOCK_NB) != 0 && monotonic_nanoseconds() < patience) {
            if (wait(monotonic_nanoseconds() + kSecond / 20) != News::kTime) return;
        }
        if (undo_all() || is_dismissed_) return;
        ::flock(at_work_, LOCK_UN);
        if (wait(monotonic_nanoseconds() + pause) != News::kTime) return;
    }
}

bool Guard::undo_all() {
    return std::all_of(undo_.begin(), undo_.end(),
                       [this](const LaunchSpec& command) { return undo(command); });
}

// To its end, also where the guard is dismissed meanwhile: half an undo helps nobody.
bool Guard::undo(const LaunchSpec& command) {
    const pid_t child = ::fork();
    if (child < 0) return false;
    if (child == 0) {
        ::setpgid(0, 0);
        reset_signals();
        const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);  // before the mounts change
        if (!join_mounts(command_)) ::_exit(126);
        enter(command, null, false);
    }
    const std::int64_t until = monotonic_nanoseconds() + kUndoLimit;
    for (;;) {
        int status = 0;
        if (const pid_t ended = ::waitpid(child, &status, WNOHANG); ended == child) {
            kill_descendants();
            return WIFEXITED(status) && WEXITSTATUS(status) == 0;
        }
        const std::int64_t left = until - monotonic_nanoseconds();
        if (left <= 0) {
            kill_descendants();
            return false;
        }
        pollfd news{signals_, POLLIN, 0};
        ::poll(&news, 1, static_cast<int>(left / 1'000'000) + 1);
        signalfd_siginfo signal{};
        while (::read(signals_, &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
            if (signal.ssi_signo != SIGCHLD) is_dismissed_ = true;
        }
    }
}

[[noreturn]] void detached(const std::string& folder, Guard guard, int ready) {
    ::setsid();
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (::chdir("/") != 0) ::_exit(1);  // the folder may go
    const int null = ::open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
    if (null > 2) ::close(null);
    if (!guard.stand()) ::_exit(1);
    const std::string pid = std::to_string(::getpid());
    if (!replace_file(folder + "/guard.pid",
                      pid + " " + std::to_string(start_ticks(::getpid())) + " guard\n"))
        ::_exit(1);
    write_whole(ready, "r");
    ::close(ready);
    guard.go();
    ::_exit(0);
}

}  // namespace

int run_guard(const std::string& folder) {
    const int file = ::open((folder + "/guard").c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return 1;
    // Held by the guard for its whole life, through the descriptor that it inherits.
    if (::flock(file, LOCK_EX | LOCK_NB) != 0) return 3;
    auto spec = decode_guard_spec(read_whole(file));
    if (!spec) return 1;
    std::vector<LaunchSpec> undo;
    for (;;) {
        const std::string path = folder + "/" + std::to_string(undo.size()) + ".spec";
        if (::access(path.c_str(), F_OK) != 0) break;
        auto command = decode_launch_spec(read_whole(path));
        if (!command) return 1;
        undo.push_back(std::move(*command));
    }
    const int at_work = ::open((folder + "/" + kGuardAtWork).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (at_work < 0) return 1;
    std::array<int, 2> ready{};
    if (::pipe2(ready.data(), O_CLOEXEC) != 0) return 1;
    const pid_t child = ::fork();
    if (child < 0) return 1;
    if (child == 0) {
        ::close(ready[0]);
        detached(folder, Guard(std::move(*spec), std::move(undo), at_work), ready[1]);
    }
    ::close(ready[1]);
    char byte = 0;
    ssize_t got = 0;
    do got = ::read(ready[0], &byte, 1);
    while (got < 0 && errno == EINTR);
    return got == 1 ? 0 : 1;
}

}  // namespace fencepost::supervisor
