#include "supervisor/process.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace fencepost::supervisor {

std::string read_whole(int fd) {
    std::string bytes;
    std::array<char, 4096> buffer;
    for (;;) {
        const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(bytes.size()));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return bytes;
        bytes.append(buffer.data(), static_cast<std::size_t>(got));
    }
}

std::string read_whole(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    std::string bytes = read_whole(fd);
    ::close(fd);
    return bytes;
}

bool write_whole(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(fd, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return true;
}

bool replace_file(const std::string& path, std::string_view bytes) {
    const std::string temporary = path + ".new";
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    const bool is_written = write_whole(fd, bytes);
    ::close(fd);
    return is_written && ::rename(temporary.c_str(), path.c_str()) == 0;
}

std::uint64_t start_ticks(pid_t pid) {
    const std::string stat = read_whole("/proc/" + std::to_string(pid) + "/stat");
    // The name may hold anything; what follows its closing bracket is state and numbers: starttime is the
    // 20th.
    std::size_t at = stat.rfind(')');
    for (int field = 0; field < 20 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
    return at == std::string::npos ? 0 : strtoull(stat.c_str() + at, nullptr, 10);
}

std::int64_t unix_nanoseconds() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

std::uint64_t oom_kills() {
    std::string text;
    const int fd = ::open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) text = read_whole(fd);
    ::close(fd);
    const std::size_t at = text.find("oom_kill ");
    return at == std::string::npos ? 0 : strtoull(text.c_str() + at + 9, nullptr, 10);
}

void kill_descendants() {
    const std::string children = "/proc/self/task/" + std::to_string(::getpid()) + "/children";
    for (;;) {
        const std::string pids = read_whole(children);
        const char* at = pids.c_str();
        for (char* end = nullptr; const long pid = strtol(at, &end, 10); at = end)
            ::kill(static_cast<pid_t>(pid), SIGKILL);
        // The children of what was killed become ours and are in the next list.
        const pid_t reaped = ::waitpid(-1, nullptr, 0);
        if (reaped < 0 && errno == ECHILD) return;
    }
}

void reset_signals() {
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

namespace {

[[noreturn]] void fail(int status_fd, int exit_code, const std::string& text) {
    write_whole(status_fd, "E" + text);
    if (status_fd != STDERR_FILENO) ::close(status_fd);
    ::_exit(exit_code);
}

std::string path_of(const LaunchSpec& spec) {
    for (const std::string& variable : spec.environment) {
        if (variable.compare(0, 5, "PATH=") == 0) return variable.substr(5);
    }
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
    std::vector<char*> result;
    for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
    result.push_back(nullptr);
    return result;
}

void become_user(const LaunchSpec& spec, int status_fd) {
    if (!spec.uid && !spec.gid) return;
    // An unprivileged daemon may be asked for the user that it is anyway.
    const bool is_same =
        spec.uid.value_or(::geteuid()) == ::geteuid() && spec.gid.value_or(::getegid()) == ::getegid();
    if (is_same && ::geteuid() != 0) return;
    const std::vector<gid_t> groups(spec.groups.begin(), spec.groups.end());
    if (::setgroups(groups.size(), groups.data()) != 0 ||
        (spec.gid && ::setresgid(*spec.gid, *spec.gid, *spec.gid) != 0) ||
        (spec.uid && ::setresuid(*spec.uid, *spec.uid, *spec.uid) != 0)) {
        fail(status_fd, 126, std::string("cannot become the container's user: ") + strerror(errno));
    }
}

}  // namespace

void adopt(const Launch& launch) {
    ::kill(launch.child, SIGKILL);
    while (::waitpid(launch.child, nullptr, 0) < 0 && errno == EINTR) {
    }
    write_whole(launch.status_fd, "g");
}

void enter(const LaunchSpec& spec, int status_fd, bool waits_for_adoption) {
    ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    become_user(spec, status_fd);
    const std::string folder = spec.working_dir.empty() ? "/" : spec.working_dir;
    if (::chdir(folder.c_str()) != 0) {
        fail(status_fd, 126, "cannot change to the working directory \"" + folder + "\": " + strerror(errno));
    }
    write_whole(status_fd, "P" + std::to_string(::getpid()) + "\n");
    char go = 0;
    if (waits_for_adoption && ::read(status_fd, &go, 1) != 1) ::_exit(126);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a container does not outlive its supervisor
    const std::vector<char*> arguments = pointers(spec.command);
    const std::vector<char*> environment = pointers(spec.environment);
    const std::string& program = spec.command.front();
    if (program.find('/') != std::string::npos) {
        ::execve(program.c_str(), arguments.data(), environment.data());
        fail(status_fd, errno == ENOENT ? 127 : 126, "exec: \"" + program + "\": " + strerror(errno));
    }
    int worst = ENOENT;
    const std::string path = path_of(spec);
    for (std::size_t from = 0; from <= path.size();) {
        const std::size_t to = std::min(path.find(':', from), path.size());
        const std::string place = to == from ? "." : path.substr(from, to - from);
        ::execve((place + "/" + program).c_str(), arguments.data(), environment.data());
        if (errno != ENOENT && errno != ENOTDIR) worst = errno;
        from = to + 1;
    }
    if (worst == ENOENT)
        fail(status_fd, 127, "exec: \"" + program + "\": executable file not found in $PATH");
    fail(status_fd, 126, "exec: \"" + program + "\": " + strerror(worst));
}

Launch start_command(const LaunchSpec& spec, const std::string& spec_path, int in, int out, int err) {
    Launch launch;
    std::array<int, 2> status{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, status.data()) != 0) return launch;
    launch.child = ::fork();
    if (launch.child < 0) {
        ::close(status[0]);
        ::close(status[1]);
        return launch;
    }
    if (launch.child == 0) {
        ::setpgid(0, 0);
        reset_signals();
        if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) fail(status[1], 126, "dup2");
        if (spec.sandbox.empty()) enter(spec, status[1], false);
        // Behind bubblewrap the supervisor's own file may be covered by a mount: it goes along as a
        // descriptor.
        const int self = ::open("/proc/self/exe", O_RDONLY);
        const int file = ::open(spec_path.c_str(), O_RDONLY);
        const int status_fd = ::dup(status[1]);
        if (self < 0 || file < 0 || status_fd < 0)
            fail(status[1], 126, std::string("open: ") + strerror(errno));
        std::vector<std::string> words = spec.sandbox;
        for (const std::string& word :
             {std::string("--"), "/proc/self/fd/" + std::to_string(self), std::string("enter"),
              std::to_string(file), std::to_string(status_fd)}) {
            words.push_back(word);
        }
        ::execv(words.front().c_str(), pointers(words).data());
        fail(status[1], 126, words.front() + ": " + strerror(errno));
    }
    ::setpgid(launch.child, launch.child);  // both sides, so that neither can be too early
    ::close(status[1]);
    launch.status_fd = status[0];
    return launch;
}

}  // namespace fencepost::supervisor
