#include "base/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "base/error.h"

namespace fencepost {
namespace {

constexpr int kPipeBytes = 1 << 20;  // fewer switches between writer and reader
constexpr int kEndPatienceMs = 5'000;
constexpr int kPollMs = 20;

void sleep_ms(int milliseconds) {
    const timespec time{milliseconds / 1000, (milliseconds % 1000) * 1'000'000L};
    ::nanosleep(&time, nullptr);
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> all;
    for (std::string& word : words) all.push_back(word.data());
    all.push_back(nullptr);
    return all;
}

}  // namespace

Input::Input(int fd, const CancelToken& cancel)
    : fd_(fd), cancel_(cancel), wake_(std::make_shared<UniqueFd>(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))) {
    if (!wake_->is_open()) throw errno_error("eventfd", errno);
    on_cancel_ = cancel.on_cancel([wake = wake_] {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(wake->get(), &one, sizeof one);
    });
    ::fcntl(fd, F_SETPIPE_SZ, kPipeBytes);  // of no effect where it is no pipe
}

std::size_t Input::read(char* buffer, std::size_t size) {
    while (true) {
        pollfd waits[] = {{.fd = fd_, .events = POLLIN, .revents = 0},
                          {.fd = wake_->get(), .events = POLLIN, .revents = 0}};
        if (::poll(waits, 2, -1) < 0 && errno != EINTR) throw errno_error("wait for input", errno);
        cancel_.throw_if_cancelled();
        if (waits[0].revents != 0) return read_some(fd_, buffer, size);
    }
}

CommandOutput::CommandOutput(Command command, int err, const CancelToken& cancel)
    : name_(command.words.at(0)), cancel_(cancel) {
    Pipe pipe = make_pipe();
    Pipe failed = make_pipe();  // carries errno of a failed exec; a good exec closes it
    const std::vector<char*> argv = pointers(command.words);
    std::vector<std::string> settings;
    for (const auto& [name, value] : command.environment.value_or(std::map<std::string, std::string>{})) {
        settings.push_back(name + "=" + value);
    }
    const std::vector<char*> envp = pointers(settings);
    const UniqueFd null = open_file("/dev/null", O_RDONLY);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw errno_error("fork", errno);
    if (pid_ == 0) {  // only async-signal-safe calls until exec
        ::setpgid(0, 0);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(127);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        for (const int signal : {SIGPIPE, SIGINT, SIGTERM}) ::signal(signal, SIG_DFL);
        ::dup2(null.get(), 0);
        ::dup2(pipe.write.get(), 1);
        if (err != 2) ::dup2(err, 2);
        if (command.environment) {
            ::execvpe(argv[0], argv.data(), envp.data());
        } else {
            ::execvp(argv[0], argv.data());
        }
        const int error = errno;
        [[maybe_unused]] const auto written = ::write(failed.write.get(), &error, sizeof error);
        ::_exit(127);
    }
    ::setpgid(pid_, pid_);
    pipe.write.reset();
    failed.write.reset();
    int error = 0;
    if (read_some(failed.read.get(), reinterpret_cast<char*>(&error), sizeof error) == sizeof error) {
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
        throw errno_error("run '" + name_ + "'", error);
    }
    output_ = std::move(pipe.read);
    input_.emplace(output_.get(), cancel);
}

CommandOutput::~CommandOutput() {
    output_.reset();
    if (pid_ < 0) return;
    ::kill(-pid_, SIGTERM);
    for (int waited = 0; waited < kEndPatienceMs; waited += kPollMs) {
        if (::waitpid(pid_, nullptr, WNOHANG) == pid_) return;
        sleep_ms(kPollMs);
    }
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

std::size_t CommandOutput::read(char* buffer, std::size_t size) {
    if (pid_ < 0) return 0;
    const std::size_t piece = input_->read(buffer, size);
    if (piece == 0) check_end();
    return piece;
}

// Its output has ended; the command itself may take longer.
void CommandOutput::check_end() {
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::waitpid(pid_, &status, WNOHANG)) == 0) {
        if (!cancel_.wait_for(std::chrono::milliseconds{kPollMs})) cancel_.throw_if_cancelled();
    }
    if (ended < 0) throw errno_error("wait for '" + name_ + "'", errno);
    pid_ = -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    throw Error(
        ErrorKind::kFailedPrecondition,
        WIFEXITED(status)
            ? "the command '" + name_ + "' ended with exit code " + std::to_string(WEXITSTATUS(status))
            : "the command '" + name_ + "' was ended by signal " + std::to_string(WTERMSIG(status)),
        "its output was not stored");
}

}  // namespace fencepost
