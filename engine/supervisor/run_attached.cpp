#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string>

#include "supervisor/process.h"
#include "supervisor/run.h"

namespace fencepost::supervisor {
namespace {

// Reads what the command says of itself until its exec (or its failure) closes the socket; gives its pid.
pid_t follow_start(const Launch& launch, std::string& said) {
    std::array<char, 4096> buffer;
    pid_t command = -1;
    for (;;) {
        const ssize_t got = ::read(launch.status_fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return command;
        said.append(buffer.data(), static_cast<std::size_t>(got));
        const std::size_t newline = said.find('\n');
        if (command > 0 || said[0] != 'P' || newline == std::string::npos) continue;
        command = static_cast<pid_t>(strtol(said.c_str() + 1, nullptr, 10));
        said.erase(0, newline + 1);
        if (command != launch.child) adopt(launch);
    }
}

}  // namespace

int run_attached(const std::string& spec_path) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const auto spec = decode_launch_spec(read_whole(spec_path));
    if (!spec) return 2;
    sigset_t handled;
    sigemptyset(&handled);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&handled, number);
    sigprocmask(SIG_BLOCK, &handled, nullptr);
    const int signals = ::signalfd(-1, &handled, SFD_CLOEXEC);
    const Launch launch = start_command(*spec, spec_path, STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO);
    if (launch.child < 0) return 126;
    std::string said;
    const pid_t command = follow_start(launch, said);
    if (!said.empty() && said[0] == 'E') fprintf(stderr, "%s\n", said.c_str() + 1);
    // Ours would keep the pipes open when the command has closed its own.
    for (int fd = 0; fd < 3; ++fd) ::close(fd);
    for (;;) {
        int status = 0;
        for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
            if (pid != (command > 0 ? command : launch.child)) continue;
            kill_descendants();
            return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
        }
        signalfd_siginfo signal{};
        if (::read(signals, &signal, sizeof signal) < 0) continue;
        if (signal.ssi_signo != SIGCHLD) {
            kill_descendants();
            return 128 + static_cast<int>(signal.ssi_signo);
        }
    }
}

}  // namespace fencepost::supervisor
