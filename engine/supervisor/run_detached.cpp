#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <utility>

#include "supervisor/log_writer.h"
#include "supervisor/process.h"
#include "supervisor/run.h"

namespace fencepost::supervisor {
namespace {

constexpr std::size_t kExitRecordRoom = 4096;
constexpr int kStartErrorCode = 128;

// One run, from the detached process's point of view.
class Run {
  public:
    Run(std::string prefix, LaunchSpec spec) : prefix_(std::move(prefix)), spec_(std::move(spec)) {}
    bool announce(const std::string& folder);  // pid files, and room for the exit record
    void go();

  private:
    void start();
    void loop();
    void on_signals();
    void stop(std::uint32_t grace_seconds);
    void on_status();
    void on_output(int& fd, LogWriter::Stream stream, bool until_empty);
    void reap();
    void command_ended(int status);
    void write_exit_record();
    [[nodiscard]] int poll_timeout() const;

    std::string prefix_;
    LaunchSpec spec_;
    std::optional<LogWriter> log_;
    ExitRecord record_;
    int exit_fd_ = -1, signals_ = -1, out_ = -1, err_ = -1, status_ = -1;
    pid_t child_ = -1;    // what was forked
    pid_t command_ = -1;  // the command itself, once it has said so
    std::string said_;    // on the status descriptor
    std::string early_stderr_;
    bool has_ended_ = false, was_killed_here_ = false, is_stopping_ = false;
    std::int64_t kill_at_ = 0;
    std::uint64_t oom_kills_ = 0;
};

bool Run::announce(const std::string& folder) {
    exit_fd_ = ::open((prefix_ + ".exit.new").c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (exit_fd_ < 0) return false;
    // Room for the record now: a disk that is full later must not cost the exit code.
    if (!write_whole(exit_fd_, std::string(kExitRecordRoom, '\0'))) return false;
    const std::string pid = std::to_string(::getpid());
    std::string boot = read_whole("/proc/sys/kernel/random/boot_id");
    return replace_file(prefix_ + ".pid", pid + " " + std::to_string(start_ticks(::getpid())) + " " + boot) &&
           replace_file(folder + "/supervisor.pid", pid + "\n");
}

void Run::go() {
    sigset_t handled;
    sigemptyset(&handled);
    for (const int number : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&handled, number);
    sigprocmask(SIG_BLOCK, &handled, nullptr);
    ::signal(SIGHUP, SIG_IGN);
    ::signal(SIGPIPE, SIG_IGN);
    signals_ = ::signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
    log_.emplace(prefix_ + ".log", spec_.log_bytes, spec_.log_files);
    oom_kills_ = oom_kills();
    record_.started = unix_nanoseconds();
    start();
    loop();
    kill_descendants();
    on_output(out_, LogWriter::Stream::kStdout, true);
    on_output(err_, LogWriter::Stream::kStderr, true);
    log_->finish();
    write_exit_record();
}

void Run::start() {
    std::array<int, 2> out{}, err{};
    const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (in < 0 || ::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) {
        record_ = {kStartErrorCode, 0, "StartError", std::string("pipe: ") + strerror(errno),
                   record_.started, 0};
        has_ended_ = true;
        return;
    }
    const Launch launch = start_command(spec_, prefix_ + ".spec", in, out[1], err[1]);
    if (launch.child < 0) {
        record_ = {kStartErrorCode, 0, "StartError", std::string("fork: ") + strerror(errno),
                   record_.started, 0};
        has_ended_ = true;
    }
    child_ = launch.child;
    status_ = launch.status_fd;
    for (const int fd : {in, out[1], err[1]}) ::close(fd);
    out_ = out[0];
    err_ = err[0];
    ::fcntl(out_, F_SETFL, O_NONBLOCK);
    ::fcntl(err_, F_SETFL, O_NONBLOCK);
}

int Run::poll_timeout() const {
    if (kill_at_ == 0) return -1;
    const std::int64_t left = (kill_at_ - unix_nanoseconds()) / 1'000'000;
    return left < 0 ? 0 : static_cast<int>(left) + 1;
}

void Run::loop() {
    while (!has_ended_) {
        std::array<pollfd, 4> waits{pollfd{signals_, POLLIN, 0}, pollfd{status_, POLLIN, 0},
                                    pollfd{out_, POLLIN, 0}, pollfd{err_, POLLIN, 0}};
        const int ready = ::poll(waits.data(), waits.size(), poll_timeout());
        if (ready < 0 && errno != EINTR) break;
        if (kill_at_ != 0 && unix_nanoseconds() >= kill_at_) {
            kill_at_ = 0;
            was_killed_here_ = true;
            ::kill(command_ > 0 ? command_ : child_, SIGKILL);
            ::kill(-child_, SIGKILL);
        }
        if (ready <= 0) continue;
        if (waits[1].revents != 0) on_status();
        if (waits[2].revents != 0) on_output(out_, LogWriter::Stream::kStdout, false);
        if (waits[3].revents != 0) on_output(err_, LogWriter::Stream::kStderr, false);
        if (waits[0].revents != 0) on_signals();
    }
}

void Run::on_status() {
    std::array<char, 4096> buffer;
    const ssize_t got = ::read(status_, buffer.data(), buffer.size());
    if (got < 0) return;
    said_.append(buffer.data(), static_cast<std::size_t>(got));
    if (command_ < 0 && said_.size() > 1 && said_[0] == 'P' && said_.find('\n') != std::string::npos) {
        command_ = static_cast<pid_t>(strtol(said_.c_str() + 1, nullptr, 10));
        said_.erase(0, said_.find('\n') + 1);
        replace_file(prefix_ + ".started", std::to_string(command_) + " " +
                                               std::to_string(start_ticks(command_)) + " " +
                                               std::to_string(record_.started) + "\n");
        if (command_ != child_) adopt({child_, status_});
        if (is_stopping_) ::kill(-child_, SIGTERM);
    }
    if (got == 0) {
        ::close(status_);
        status_ = -1;
    }
}

void Run::on_output(int& fd, LogWriter::Stream stream, bool until_empty) {
    std::array<char, 65536> buffer;
    while (fd >= 0) {
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return;
        if (got == 0) {
            ::close(fd);
            fd = -1;
            return;
        }
        const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
        if (command_ < 0 && early_stderr_.size() < 1024) early_stderr_.append(bytes.substr(0, 1024));
        log_->write(stream, bytes);
        if (!until_empty) return;
    }
}

void Run::on_signals() {
    signalfd_siginfo signal{};
    while (::read(signals_, &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
        if (signal.ssi_signo == SIGCHLD) {
            reap();
        } else {
            // The daemon says the grace period with the signal (sigqueue); a plain kill means the spec's.
            const bool has_grace = signal.ssi_code == SI_QUEUE && signal.ssi_int >= 0;
            stop(has_grace ? static_cast<std::uint32_t>(signal.ssi_int) : spec_.grace_seconds);
        }
    }
}

void Run::stop(std::uint32_t grace_seconds) {
    const std::int64_t at = unix_nanoseconds() + std::int64_t{grace_seconds} * 1'000'000'000;
    if (!is_stopping_ && child_ > 0 && (command_ > 0 || spec_.sandbox.empty())) ::kill(-child_, SIGTERM);
    is_stopping_ = true;
    if (kill_at_ == 0 || at < kill_at_) kill_at_ = at;
}

void Run::reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (status_ >= 0) {
            // What it said may still lie in the pipe: the command's pid decides whose end this is.
            ::fcntl(status_, F_SETFL, O_NONBLOCK);
            while (status_ >= 0 && command_ < 0) {
                const std::size_t before = said_.size();
                on_status();
                if (said_.size() == before && command_ < 0) break;
            }
        }
        if (pid == (command_ > 0 ? command_ : child_)) command_ended(status);
    }
}

void Run::command_ended(int status) {
    has_ended_ = true;
    if (status_ >= 0) {
        ::fcntl(status_, F_SETFL, O_NONBLOCK);
        while (status_ >= 0) {
            const std::size_t before = said_.size();
            on_status();
            if (status_ >= 0 && said_.size() == before) break;
        }
    }
    record_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    record_.code = record_.signal != 0 ? 128 + record_.signal : WEXITSTATUS(status);
    record_.reason = record_.code == 0 ? "Completed" : "Error";
    if (!said_.empty() && said_[0] == 'E') {
        record_.code = kStartErrorCode;
        record_.reason = "StartError";
        record_.message = said_.substr(1);
    } else if (command_ < 0 && !was_killed_here_) {
        on_output(err_, LogWriter::Stream::kStderr, true);
        record_.code = kStartErrorCode;
        record_.reason = "StartError";
        record_.message = "the container's mounts could not be set up: " + early_stderr_.substr(0, 1024);
    } else if (record_.signal == SIGKILL && !was_killed_here_ && oom_kills() > oom_kills_) {
        record_.reason = "OOMKilled";
    }
}

void Run::write_exit_record() {
    record_.finished = unix_nanoseconds();
    if (record_.message.size() > 2048) record_.message.resize(2048);
    const std::string bytes = encode(record_);
    ::lseek(exit_fd_, 0, SEEK_SET);
    const bool is_written = write_whole(exit_fd_, bytes);
    if (is_written && ::ftruncate(exit_fd_, static_cast<off_t>(bytes.size())) != 0)
        errno = 0;  // zeros may stay behind it
    ::fdatasync(exit_fd_);
    ::rename((prefix_ + ".exit.new").c_str(), (prefix_ + ".exit").c_str());
    const int folder =
        ::open(prefix_.substr(0, prefix_.rfind('/')).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) ::fsync(folder);
}

[[noreturn]] void detached(const std::string& folder, const std::string& prefix, LaunchSpec spec, int ready) {
    ::setsid();
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::umask(022);
    const int null = ::open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
    if (null > 2) ::close(null);
    Run run(prefix, std::move(spec));
    if (!run.announce(folder)) ::_exit(1);
    write_whole(ready, "r");
    ::close(ready);
    run.go();
    ::_exit(0);
}

}  // namespace

int run_detached(const std::string& folder, const std::string& run) {
    const std::string prefix = folder + "/" + run;
    const int spec_fd = ::open((prefix + ".spec").c_str(), O_RDONLY | O_CLOEXEC);
    if (spec_fd < 0) return 1;
    // Held by the detached process for its whole life, through the descriptor that it inherits.
    if (::flock(spec_fd, LOCK_EX | LOCK_NB) != 0) return 3;
    if (::access((prefix + ".exit").c_str(), F_OK) == 0) return 0;
    auto spec = decode_launch_spec(read_whole(spec_fd));
    if (!spec) return 1;
    std::array<int, 2> ready{};
    if (::pipe2(ready.data(), O_CLOEXEC) != 0) return 1;
    const pid_t child = ::fork();
    if (child < 0) return 1;
    if (child == 0) {
        ::close(ready[0]);
        detached(folder, prefix, std::move(*spec), ready[1]);
    }
    ::close(ready[1]);
    char byte = 0;
    ssize_t got = 0;
    do got = ::read(ready[0], &byte, 1);
    while (got < 0 && errno == EINTR);
    return got == 1 ? 0 : 1;
}

}  // namespace fencepost::supervisor
